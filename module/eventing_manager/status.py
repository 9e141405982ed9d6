"""The status of an Eventing: what a pass found, and the least patch that says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from kubeloop.resource import generation_of

if TYPE_CHECKING:
    from kubeloop.resource import Object

TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
"""Of a metav1.Time."""


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


_PROGRESS: Final = {
    State.PROCESSING: ConditionType.RECONCILING,
    State.DELETING: ConditionType.RECONCILING,
    State.WARNING: ConditionType.STALLED,
    State.ERROR: ConditionType.STALLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One finding; ``reason`` is a CamelCase word, ``message`` a sentence that names its object."""

    type: ConditionType
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


def condition_of(written: dict[str, Any]) -> Condition:
    """Return a condition as it stands in a status."""
    return Condition(
        type=ConditionType(written["type"]),
        holds=written["status"] == "True",
        reason=written["reason"],
        message=written["message"],
    )


def seconds_of(eventing: Object, type_: ConditionType, *, holds: bool, now: datetime) -> float | None:
    """Return for how long a condition has held, or has not; None where it is otherwise or not there."""
    for condition in (eventing.get("status") or {}).get("conditions") or []:
        if condition["type"] == type_ and (condition["status"] == "True") is holds:
            began = datetime.strptime(condition["lastTransitionTime"], TIME_FORMAT).replace(tzinfo=UTC)
            return (now - began).total_seconds()
    return None


def status_patch(eventing: Object, report: Report, *, now: datetime) -> dict[str, Any] | None:
    """Return the merge patch that brings the status of an Eventing up to a report; None where it is."""
    old = eventing.get("status") or {}
    new = _status(eventing, report, now)
    changed = {field: value for field, value in new.items() if old.get(field) != value}
    return {"status": changed} if changed else None


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
        (condition for condition in report.conditions if condition.type is ConditionType.READY), None
    )
    if type_ is None or ready is None:
        return ()
    return (Condition(type=type_, holds=True, reason=ready.reason, message=ready.message),)


def _dependency(found: Dependency) -> dict[str, Any]:
    return {
        "name": found.name,
        "satisfied": found.satisfied,
        "reason": str(found.reason),
        "message": found.message,
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
        "reason": condition.reason,
        "message": condition.message,
    }
