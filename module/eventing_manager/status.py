"""The status of an Eventing: what a pass found, and the least patch that says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from controller.resource import generation_of

if TYPE_CHECKING:
    from datetime import datetime

    from controller.resource import Object


class State(StrEnum):
    """The module's state in one word; ``WARNING`` means that a person has to act."""

    PROCESSING = "Processing"
    READY = "Ready"
    ERROR = "Error"
    DELETING = "Deleting"
    WARNING = "Warning"


class ConditionType(StrEnum):
    """The findings, one condition each."""

    READY = "Ready"
    BACKEND_AVAILABLE = "BackendAvailable"
    DEPENDENCIES_SATISFIED = "DependenciesSatisfied"
    PROVISIONED = "Provisioned"
    DRAINED = "Drained"
    DEPROVISIONED = "Deprovisioned"


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
            _condition(condition, old.get(condition.type), generation, now) for condition in report.conditions
        ],
        "dependencies": [_dependency(found) for found in report.dependencies],
    }


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
        "lastTransitionTime": old["lastTransitionTime"]
        if old and kept
        else now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": condition.reason,
        "message": condition.message,
    }
