"""How a command ends: the exit codes, and which failure has which."""

import enum
from typing import Self

import click

from kyma_harness.clusters.errors import (
    ClusterNameError,
    NotCapableError,
    NotRunningError,
    ProviderUnavailableError,
)
from kyma_harness.host.errors import HarnessError


def is_told(failure: BaseException) -> bool:
    """Tell whether a failure is a sentence; any other is a defect of ours, and shows its traceback."""
    if isinstance(failure, (click.ClickException, click.Abort, KeyboardInterrupt, HarnessError)):
        return True
    from kubeloop.errors import ControllerError
    from kyma_harness.wait.waits import WaitError

    return isinstance(failure, (ControllerError, WaitError))


class Exit(enum.IntEnum):
    """The exit codes; their names in lower case, with dashes, are the types of errors in JSON."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Make a code that knows what it means."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    DONE = 0, "It is done, and what was to be checked holds."
    FAILED = 1, "It could not be done, or a check does not hold. The message names the cause."
    USAGE = 2, "The command line is wrong. Nothing was done."
    NOT_RUNNING = 3, "There is no such cluster, or it does not run: `up` starts it."
    TIMEOUT = 4, "What was waited for did not come in time."
    UNAVAILABLE = (
        5,
        "This machine or provider lacks what was asked for: `kyma-harness doctor` says what.",
    )
    INTERRUPTED = 130, "Somebody pressed Ctrl-C."

    @property
    def type(self) -> str:
        """The word for it in JSON, such as ``not-running``."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def of(cls, failure: BaseException) -> "Exit":
        """Return the code for what was raised."""
        match failure:
            case click.Abort() | KeyboardInterrupt():
                return cls.INTERRUPTED
            case click.UsageError() | ClusterNameError():
                return cls.USAGE
            case NotRunningError():
                return cls.NOT_RUNNING
            case ProviderUnavailableError() | NotCapableError():
                return cls.UNAVAILABLE
            case HarnessError(timed_out=True):
                return cls.TIMEOUT
        from kyma_harness.wait.waits import WaitError

        is_late = isinstance(failure, WaitError) and failure.timed_out
        return cls.TIMEOUT if is_late else cls.FAILED
