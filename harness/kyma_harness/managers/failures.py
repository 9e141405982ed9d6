"""Say what went wrong in a pass, for the status of an object and for an Event."""

from kubeloop.errors import ControllerError
from kyma_harness.host.errors import HarnessError
from kyma_harness.wait.waits import WaitError

LONGEST = 1024
"""Characters that an Event can say."""


def sentence_of(error: Exception) -> str:
    """Return in one line what went wrong; of what nobody has foreseen also the kind of error."""
    said = " ".join(str(error).split())
    return (said if is_foreseen(error) else f"internal error: {type(error).__name__}: {said}")[:LONGEST]


def is_foreseen(error: Exception) -> bool:
    """Tell whether an error was raised on purpose, by the API server or by us."""
    return isinstance(error, ControllerError | HarnessError | WaitError)
