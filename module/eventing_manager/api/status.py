"""The status of an Eventing: what a pass found, in the words of conditions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from kubeloop.resource import generation_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeloop.resource import Object

TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
"""Of a metav1.Time."""

_LONGEST_MESSAGE: Final = 8192
"""Characters; the API server takes four times as many, and somebody has to read them."""


class State(StrEnum):
    """The module's state in one word; ``WARNING`` means that a person has to act."""

    PROCESSING = "Processing"
    READY = "Ready"
    ERROR = "Error"
    DELETING = "Deleting"
    WARNING = "Warning"


class ConditionType(StrEnum):
    """The findings, one condition each.

    The last two are for tools that know no more of a resource than kstatus does; they follow from the state.
    """

    READY = "Ready"
    BACKEND_AVAILABLE = "BackendAvailable"
    DEPENDENCIES_SATISFIED = "DependenciesSatisfied"
    PROVISIONED = "Provisioned"
    DRAINED = "Drained"
    DEPROVISIONED = "Deprovisioned"

    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class Reason(StrEnum):
    """Why a condition has the status it has; the reference says what to do about each.

    What is read back from a status stays a plain string: another version may have written it.
    """

    AVAILABLE = "Available"
    STARTING = "Starting"
    NOT_READY = "NotReady"
    JETSTREAM_SILENT = "JetStreamSilent"
    NOTHING_NEEDED = "NothingNeeded"

    SATISFIED = "Satisfied"
    KINDS_ABSENT = "KindsAbsent"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a word for a finding
    SECRET_MALFORMED = "SecretMalformed"  # noqa: S105 - a word for a finding
    SECRET_FORBIDDEN = "SecretForbidden"  # noqa: S105 - a word for a finding

    DRAINING = "Draining"
    UNDELIVERED = "UndeliveredMessages"
    NATS_GONE = "StatefulSetGone"
    NOTHING_HELD = "NothingHeld"
    DISCARDED = "Discarded"
    FORCED = "Forced"

    MANAGER_STOPPED = "ManagerStopped"
    REMOVING = "Removing"
    REMOVED = "Removed"
    RETAINED = "VolumesRetained"

    CHART_BROKEN = "ChartBroken"
    API_REFUSED = "ApiRefused"
    FOREIGN_OBJECT = "ForeignObject"
    VOLUMES_UNFIT = "VolumesUnfit"
    SPEC_REFUSED = "SpecRefused"
    CREDENTIALS_UNFIT = "CredentialsUnfit"
    INTERNAL = "Internal"

    ANOTHER_IS_SERVED = "AnotherIsServed"
    NAMESPACE_NOT_SERVED = "NamespaceNotServed"
    HANDED_OVER = "HandedOver"
    MODULE_LEAVES = "ModuleLeaves"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether NATS may be removed now, and why."""

    allowed: bool
    reason: str
    message: str

    drains: bool = False
    """Whether NATS may restart and take in no more messages: all that it holds outlives that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One finding; ``reason`` is a CamelCase word, ``message`` a sentence that names its object."""

    type: str
    holds: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """What was found of one thing that others bring; ``reason`` and ``message`` as in a condition."""

    name: str
    satisfied: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a pass found. A type without a condition has nothing to say, and its old condition goes."""

    state: State
    active_backend: str
    conditions: tuple[Condition, ...]
    dependencies: tuple[Dependency, ...] = ()


_PROGRESS: Final = {
    State.PROCESSING: ConditionType.RECONCILING,
    State.DELETING: ConditionType.RECONCILING,
    State.WARNING: ConditionType.STALLED,
    State.ERROR: ConditionType.STALLED,
}


def state_of(eventing: Object) -> str:
    """Return the state that was written last, empty where none was."""
    state: str = (eventing.get("status") or {}).get("state", "")
    return state


def active_backend(eventing: Object) -> str:
    """Return the backend that was last reported to be in place."""
    active: str = (eventing.get("status") or {}).get("activeBackend", "")
    return active


def is_seen(eventing: Object) -> bool:
    """Tell whether the status speaks of the generation that there is."""
    return (eventing.get("status") or {}).get("observedGeneration") == generation_of(eventing)


def conditions_of(eventing: Object) -> Iterator[Condition]:
    """Yield the conditions as they stand in a status, whichever version wrote them."""
    for written in (eventing.get("status") or {}).get("conditions") or []:
        yield Condition(
            type=written["type"],
            holds=written["status"] == "True",
            reason=written["reason"],
            message=written["message"],
        )


def dependencies_of(eventing: Object) -> tuple[Dependency, ...]:
    """Return the dependencies as they stand in a status."""
    return tuple(
        Dependency(
            name=written["name"],
            satisfied=written["satisfied"],
            reason=written["reason"],
            message=written["message"],
        )
        for written in (eventing.get("status") or {}).get("dependencies") or []
    )


def remembered_verdict(eventing: Object) -> Verdict | None:
    """Return the verdict by which a removal began, None where none began.

    It is written before the first deletion. So a StatefulSet that is gone without such a word was deleted by
    someone else, and what it held was never asked for.
    """
    for found in conditions_of(eventing):
        if found.type == ConditionType.DRAINED and found.holds:
            return Verdict(allowed=True, reason=found.reason, message=found.message)
    return None


def seconds_of(eventing: Object, type_: ConditionType, *, holds: bool, now: datetime) -> float | None:
    """Return for how long a condition has held, or has not; None where it is otherwise or not there."""
    for condition in (eventing.get("status") or {}).get("conditions") or []:
        if condition["type"] == type_ and (condition["status"] == "True") is holds:
            return _seconds_since(condition["lastTransitionTime"], now)
    return None


def _seconds_since(written: str, now: datetime) -> float | None:
    try:
        began = datetime.fromisoformat(written)
    except ValueError:
        return None
    return (now - (began if began.tzinfo else began.replace(tzinfo=UTC))).total_seconds()


def new_status(eventing: Object, report: Report, *, now: datetime) -> dict[str, Any] | None:
    """Return the status by which an Eventing says what a report does; None where it says so already."""
    old = eventing.get("status") or {}
    new = _status(eventing, report, now)
    return new if any(old.get(field) != value for field, value in new.items()) else None


def with_report(eventing: Object, report: Report, *, now: datetime) -> Object:
    """Return an Eventing as it is once a report is written."""
    status = new_status(eventing, report, now=now)
    return eventing if status is None else {**eventing, "status": status}


def _status(eventing: Object, report: Report, now: datetime) -> dict[str, Any]:
    generation = generation_of(eventing)
    old = {
        condition["type"]: condition for condition in (eventing.get("status") or {}).get("conditions") or []
    }
    return {
        "state": str(report.state),
        "observedGeneration": generation,
        "activeBackend": report.active_backend,
        "conditions": [
            _condition(condition, old.get(condition.type), generation, now)
            for condition in (*report.conditions, *_progress(report))
        ],
        "dependencies": [_dependency(found) for found in report.dependencies],
    }


def _progress(report: Report) -> tuple[Condition, ...]:
    """Return what kstatus reads beside Ready: whether it goes on by itself, or a person has to act."""
    type_ = _PROGRESS.get(report.state)
    ready = next(
        (condition for condition in report.conditions if condition.type == ConditionType.READY), None
    )
    if type_ is None or ready is None:
        return ()
    return (Condition(type=type_, holds=True, reason=ready.reason, message=ready.message),)


def _dependency(found: Dependency) -> dict[str, Any]:
    return {
        "name": found.name,
        "satisfied": found.satisfied,
        "reason": str(found.reason),
        "message": _bounded(found.message),
    }


def _condition(
    condition: Condition, old: dict[str, Any] | None, generation: int, now: datetime
) -> dict[str, Any]:
    status = "True" if condition.holds else "False"
    kept = old is not None and old["status"] == status
    return {
        "type": str(condition.type),
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": old["lastTransitionTime"] if old and kept else now.strftime(TIME_FORMAT),
        "reason": str(condition.reason),
        "message": _bounded(condition.message),
    }


def _bounded(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 3]}..."
