"""What is reported in each situation, in the words the user reads.

Every reason is listed in ``docs/reference/eventing-status.md`` with what to do about it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from eventing_manager.names import NATS
from eventing_manager.spec import BackendType
from eventing_manager.status import Condition, ConditionType, Report, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.resource import ObjectKey


class Reason(StrEnum):
    """Why a condition has the status it has."""

    AVAILABLE = "Available"
    STARTING = "Starting"
    NOT_READY = "NotReady"
    JETSTREAM_SILENT = "JetStreamSilent"
    REMOVING = "Removing"
    REMOVED = "Removed"
    RETAINED = "VolumesRetained"
    NOTHING_NEEDED = "NothingNeeded"
    CHART_BROKEN = "ChartBroken"
    API_REFUSED = "ApiRefused"
    FOREIGN_OBJECT = "ForeignObject"
    ANOTHER_IS_SERVED = "AnotherIsServed"

    @property
    def state(self) -> State:
        """The state of an Eventing that fails for this reason: a person has to act, or may have to."""
        return State.WARNING if self is Reason.FOREIGN_OBJECT else State.ERROR


def starting(backend: BackendType, active: str) -> Report:
    """Report that a generation was seen and nothing is known yet."""
    message = f"backend {backend} is being looked at"
    return Report(
        state=State.PROCESSING,
        active_backend=active,
        conditions=(
            _not(ConditionType.READY, Reason.STARTING, message),
            _not(ConditionType.BACKEND_AVAILABLE, Reason.STARTING, message),
        ),
    )


def removal_starts(active: str) -> Report:
    """Report that the deletion of the Eventing was seen."""
    return removing(State.DELETING, active, f"what was installed for {active or 'it'}")


def not_ready(active: str, reason: Reason, message: str) -> Report:
    """Report that NATS is applied but not there yet; ``message`` says what is waited for."""
    return Report(
        state=State.PROCESSING,
        active_backend=active,
        conditions=(
            _not(ConditionType.READY, reason, message),
            _not(ConditionType.BACKEND_AVAILABLE, reason, message),
            _no_dependencies(BackendType.NATS),
            _provisioned(),
        ),
    )


def nats_ready() -> Report:
    """Report that NATS is in place and JetStream answers."""
    message = f"StatefulSet {NATS} is ready and JetStream answers"
    return Report(
        state=State.READY,
        active_backend=BackendType.NATS,
        conditions=(
            _is(ConditionType.READY, Reason.AVAILABLE, message),
            _is(ConditionType.BACKEND_AVAILABLE, Reason.AVAILABLE, message),
            _no_dependencies(BackendType.NATS),
            _provisioned(),
        ),
    )


def eventmesh_ready(retained: Sequence[ObjectKey]) -> Report:
    """Report that nothing of NATS is left, but the volumes that were to be retained."""
    message = "backend eventmesh is selected; nothing is installed for it"
    return Report(
        state=State.READY,
        active_backend=BackendType.EVENTMESH,
        conditions=(
            _is(ConditionType.READY, Reason.AVAILABLE, message),
            _is(ConditionType.BACKEND_AVAILABLE, Reason.AVAILABLE, message),
            _no_dependencies(BackendType.EVENTMESH),
            _removed(retained),
        ),
    )


def removing(state: State, active: str, waiting_for: str) -> Report:
    """Report that NATS is being removed, for a switch or with the Eventing itself."""
    message = f"waiting until {waiting_for} is gone"
    return Report(
        state=state,
        active_backend=active,
        conditions=(
            _not(ConditionType.READY, Reason.REMOVING, message),
            _not(ConditionType.BACKEND_AVAILABLE, Reason.REMOVING, message),
            _not(ConditionType.DEPROVISIONED, Reason.REMOVING, message),
        ),
    )


def failed(state: State, active: str, reason: Reason, message: str) -> Report:
    """Report an error that the manager cannot mend itself."""
    return Report(
        state=state, active_backend=active, conditions=(_not(ConditionType.READY, reason, message),)
    )


def another_is_served(served: ObjectKey) -> Report:
    """Report that this Eventing waits for another one to go."""
    message = f"Eventing {served} is served, and there is one backend only; delete that one or this one"
    return Report(
        state=State.WARNING,
        active_backend="",
        conditions=(_not(ConditionType.READY, Reason.ANOTHER_IS_SERVED, message),),
    )


def _is(type_: ConditionType, reason: Reason, message: str) -> Condition:
    return Condition(type=type_, holds=True, reason=reason, message=message)


def _not(type_: ConditionType, reason: Reason, message: str) -> Condition:
    return Condition(type=type_, holds=False, reason=reason, message=message)


def _no_dependencies(backend: BackendType) -> Condition:
    message = f"backend {backend} needs nothing that others install"
    return _is(ConditionType.DEPENDENCIES_SATISFIED, Reason.NOTHING_NEEDED, message)


def _provisioned() -> Condition:
    return _is(ConditionType.PROVISIONED, Reason.AVAILABLE, f"every object of {NATS} is applied")


def _removed(retained: Sequence[ObjectKey]) -> Condition:
    if retained:
        names = ", ".join(str(claim) for claim in retained)
        message = f"nothing of {NATS} is left but PersistentVolumeClaim {names}, retained as asked for"
        return _is(ConditionType.DEPROVISIONED, Reason.RETAINED, message)
    return _is(ConditionType.DEPROVISIONED, Reason.REMOVED, f"nothing of {NATS} is left")
