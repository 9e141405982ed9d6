"""What a command says in the end: its exit code, and its answer to people, or to a script as JSON."""

from __future__ import annotations

import enum
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

import click

from kyma_harness.clusters.errors import (
    ClusterNameError,
    NotCapableError,
    NotRunningError,
    ProviderUnavailableError,
)
from kyma_harness.host.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyma_harness.clusters.choice import Probe
    from kyma_harness.kyma.verify import Check
    from kyma_harness.session.leftovers import Found


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
    def of(cls, failure: BaseException) -> Exit:
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


CLUSTER = "the cluster's name"


class Outcome:
    """What every answer has."""

    __slots__ = ()

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Up(Outcome):
    """The cluster that is up."""

    cluster: Annotated[str, CLUSTER]
    provider: Annotated[str, "who provides the cluster"]
    kubeconfig: Annotated[str, "the path of its kubeconfig"]
    registry: Annotated[str, "HOST:PORT of its registry, seen from this host"]
    managers: Annotated[str, "the pair of lifecycle managers: `real` or `builtin`"]
    module: Annotated[str, "the module's name in the Kyma's `spec.modules`"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaked:
    """Something that a dead run has left."""

    kind: Annotated[str, "`cluster`, `processes`, `containers`, `port locks`, `turn locks` or `making locks`"]
    what: Annotated[str, "what it is, and where"]
    problem: Annotated[str | None, "why it was not removed"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Outcome):
    """What nobody owned; the exit code is 1 where anything was kept."""

    dry_run: Annotated[bool, "whether nothing was removed, as was asked for"]
    removed: Annotated[Sequence[Leaked], "what is gone, or would be: kind, what"]
    kept: Annotated[Sequence[Leaked], "what could not be removed: kind, what, problem"]

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.FAILED if self.kept else Exit.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctored(Outcome):
    """What can run on this machine."""

    auto: Annotated[str, "the provider that is used unless another is asked for"]
    reason: Annotated[str, "why it is this one"]
    providers: Annotated[Sequence[Probe], "each provider: its name, what is missing, a note"]
    missing_tools: Annotated[Sequence[str], "the tools that the first run would fetch or build"]
    leaks: Annotated[Sequence[Leaked], "what `gc` would remove: kind, what"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(Outcome):
    """The cluster that is gone."""

    cluster: Annotated[str, CLUSTER]
    was_running: Annotated[bool, "whether there was anything to take away"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleState:
    """One module as the Kyma's status has it."""

    name: Annotated[str, "its name in `spec.modules`"]
    channel: Annotated[str, "its channel"]
    state: Annotated[str, "its state in the Kyma's status; empty while there is none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Outcome):
    """What is up."""

    cluster: Annotated[str, CLUSTER]
    running: Annotated[bool, "whether the cluster runs; the exit code is 3 where it does not"]
    provider: Annotated[str | None, "who provides the cluster"] = None
    kubeconfig: Annotated[str | None, "the path of its kubeconfig"] = None
    registry: Annotated[str | None, "HOST:PORT of its registry, seen from this host"] = None
    pid: Annotated[int | None, "embedded: the process that owns all others"] = None
    managers: Annotated[str | None, "the pair of lifecycle managers: `real` or `builtin`"] = None
    kyma: Annotated[str | None, "the Kyma's state; left out while there is no Kyma"] = None
    modules: Annotated[Sequence[ModuleState] | None, "the Kyma's modules: name, channel, state"] = None
    clusters: Annotated[Sequence[Found], "every cluster of this user: name, condition, provider, users"] = ()

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.DONE if self.running else Exit.NOT_RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed(Outcome):
    """The lifecycle managers and the Kyma that were deployed."""

    cluster: Annotated[str, CLUSTER]
    managers: Annotated[str, "the pair of lifecycle managers: `real` or `builtin`"]
    kyma: Annotated[str, "NAMESPACE/NAME of the Kyma"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabled(Outcome):
    """The module that is Ready."""

    cluster: Annotated[str, CLUSTER]
    module: Annotated[str, "the module's name in the Kyma's `spec.modules`"]
    channel: Annotated[str, "the channel it was enabled with"]
    resource: Annotated[str, "NAMESPACE/NAME of its custom resource, and of its Manifest"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled(Outcome):
    """The module that is gone."""

    cluster: Annotated[str, CLUSTER]
    module: Annotated[str, "the module's name"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched(Outcome):
    """The custom resource that is Ready again."""

    cluster: Annotated[str, CLUSTER]
    resource: Annotated[str, "NAMESPACE/NAME of the custom resource"]
    field: Annotated[str, "the field that was set, with dots"]
    value: Annotated[str, "what it was set to"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified(Outcome):
    """What was looked at; the exit code is 1 where anything does not hold."""

    cluster: Annotated[str, CLUSTER]
    ok: Annotated[bool, "whether every check holds"]
    checks: Annotated[Sequence[Check], "the checks: name, ok, and in detail what was seen instead"]

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.DONE if self.ok else Exit.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed test."""

    test: Annotated[str, "its node id"]
    phase: Annotated[str, "`setup`, `call` or `teardown`"]
    cause: Annotated[str, "the first line of what was raised"]
    folder: Annotated[str, "the path of its evidence"]
    command: Annotated[str, "what runs it again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Outcome):
    """The last run of tests that left evidence."""

    report: Annotated[str, "the path of the report"]
    passed: Annotated[int, "so many tests passed"]
    failed: Annotated[int, "so many failed, with or without evidence"]
    skipped: Annotated[int, "so many were skipped"]
    failures: Annotated[Sequence[Failure], "those with evidence: test, phase, cause, folder, command"]


class Format(enum.StrEnum):
    """For whom a command writes."""

    TEXT = "text"
    JSON = "json"


def output_option() -> click.Option:
    """Return the option of every command that has an outcome."""
    return click.Option(
        ["--output", "-o"],
        type=click.Choice([str(one) for one in Format]),
        default=str(Format.TEXT),
        show_default=True,
        help="json: print one JSON document on standard output, be it the outcome or the error.",
    )


def tell_outcome(outcome: Outcome) -> None:
    """Print an outcome for a script."""
    fields = asdict(outcome)  # type: ignore[call-overload]
    _print({name: value for name, value in fields.items() if value is not None})


def tell_failure(failure: BaseException, chosen: Format) -> Exit:
    """Print what went wrong, and return the exit code for it."""
    from rich.console import Console
    from rich.markup import escape

    code, message = Exit.of(failure), _message(failure)
    if chosen is Format.JSON:
        remedy = getattr(failure, "remedy", "")
        error = {"type": code.type, "message": message}
        _print({"error": {**error, "remedy": remedy} if remedy else error})
    elif isinstance(failure, click.ClickException):
        failure.show()
    else:
        said = "interrupted" if code is Exit.INTERRUPTED else f"[red]error:[/red] {escape(message)}"
        Console(stderr=True).print(said, highlight=False, soft_wrap=True)
    return code


def _message(failure: BaseException) -> str:
    if isinstance(failure, click.ClickException):
        return failure.format_message()
    return str(failure) or "interrupted"


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2, default=str))
