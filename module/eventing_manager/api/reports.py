"""What is reported in each situation, in the words the user reads.

Every reason is listed in ``docs/reference/eventing-status.md`` with what to do about it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventing_manager.api.names import EVENTINGS_DEFINITION, NATS
from eventing_manager.api.spec import BackendType
from eventing_manager.api.status import (
    Condition,
    ConditionType,
    Dependency,
    Reason,
    Report,
    State,
    Verdict,
    active_backend,
    conditions_of,
    dependencies_of,
    remembered_verdict,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubeloop.resource import Object, ObjectKey


def starting(backend: BackendType, active: str, verdict: Verdict | None = None) -> Report:
    """Report that a generation was seen and nothing is known yet but the verdict by which a removal began."""
    message = f"backend {backend} is being looked at"
    return Report(
        state=State.PROCESSING,
        active_backend=active,
        conditions=(
            _not(ConditionType.READY, Reason.STARTING, message),
            _not(ConditionType.BACKEND_AVAILABLE, Reason.STARTING, message),
            *([_drained(verdict)] if verdict else []),
        ),
    )


def removal_starts(active: str, verdict: Verdict | None = None) -> Report:
    """Report that the deletion of the Eventing was seen."""
    return removing(State.DELETING, active, f"what was installed for {active or 'it'}", verdict)


def not_ready(active: str, reason: Reason, message: str, dependencies: Sequence[Dependency] = ()) -> Report:
    """Report that NATS is applied but not there yet; ``message`` says what is waited for."""
    return Report(
        state=State.PROCESSING,
        active_backend=active,
        conditions=(
            _not(ConditionType.READY, reason, message),
            _not(ConditionType.BACKEND_AVAILABLE, reason, message),
            _dependencies(BackendType.NATS, dependencies),
            _provisioned(),
        ),
        dependencies=tuple(dependencies),
    )


def nats_ready(dependencies: Sequence[Dependency] = ()) -> Report:
    """Report that NATS is in place and JetStream answers."""
    message = f"StatefulSet {NATS} is ready and JetStream answers"
    return Report(
        state=State.READY,
        active_backend=BackendType.NATS,
        conditions=(
            _is(ConditionType.READY, Reason.AVAILABLE, message),
            _is(ConditionType.BACKEND_AVAILABLE, Reason.AVAILABLE, message),
            _dependencies(BackendType.NATS, dependencies),
            _provisioned(),
        ),
        dependencies=tuple(dependencies),
    )


def eventmesh(
    retained: Sequence[ObjectKey], secret: Dependency | None = None, verdict: Verdict | None = None
) -> Report:
    """Report that nothing of NATS is left but the volumes to be retained, and whether the Secret is good.

    ``verdict`` is that by which NATS was removed. Without one nobody knows what is on retained volumes.
    """
    usable = secret is None or secret.satisfied
    found = [] if secret is None else [secret]
    reason = Reason.AVAILABLE if usable else found[0].reason
    message = "backend eventmesh is selected; nothing is installed for it" if usable else found[0].message
    finding = _is if usable else _not
    if verdict is None and not retained:
        verdict = Verdict(
            allowed=True, reason=Reason.NOTHING_HELD, message=f"{NATS} is gone, and holds no message"
        )
    return Report(
        state=State.READY if usable else State.WARNING,
        active_backend=BackendType.EVENTMESH,
        conditions=(
            finding(ConditionType.READY, reason, message),
            finding(ConditionType.BACKEND_AVAILABLE, reason, message),
            _dependencies(BackendType.EVENTMESH, found),
            *([_drained(verdict)] if verdict else []),
            _removed(retained),
        ),
        dependencies=tuple(found),
    )


def removing(state: State, active: str, waiting_for: str, verdict: Verdict | None = None) -> Report:
    """Report that NATS is being removed, for a switch or with the Eventing itself."""
    message = f"waiting until {waiting_for} is gone"
    return Report(
        state=state,
        active_backend=active,
        conditions=(
            _not(ConditionType.READY, Reason.REMOVING, message),
            _not(ConditionType.BACKEND_AVAILABLE, Reason.REMOVING, message),
            *([_drained(verdict)] if verdict else []),
            _not(ConditionType.DEPROVISIONED, Reason.REMOVING, message),
        ),
    )


def blocked(state: State, active: str, verdict: Verdict) -> Report:
    """Report that NATS stays for the messages it may hold; a person has to act where that cannot be told."""
    return Report(
        state=State.WARNING if verdict.reason == Reason.JETSTREAM_SILENT else state,
        active_backend=active,
        conditions=(
            _not(ConditionType.READY, verdict.reason, verdict.message),
            _drained(verdict),
            _not(ConditionType.DEPROVISIONED, verdict.reason, f"{NATS} stays until it is drained"),
        ),
    )


def stopped(retained: Sequence[ObjectKey]) -> Report:
    """Report that NATS was removed because the manager stops; the next one provisions it again."""
    message = (
        "the manager was stopped and told to deprovision first; the next one provisions the backend again"
    )
    return Report(
        state=State.PROCESSING,
        active_backend="",
        conditions=(
            _not(ConditionType.READY, Reason.MANAGER_STOPPED, message),
            _not(ConditionType.BACKEND_AVAILABLE, Reason.MANAGER_STOPPED, message),
            _removed(retained),
        ),
    )


def failed(eventing: Object, state: State, reason: str, message: str) -> Report:
    """Report an error that the manager cannot mend itself, and what must not be forgotten over it."""
    verdict = remembered_verdict(eventing)
    return Report(
        state=state,
        active_backend=active_backend(eventing),
        conditions=(
            _not(ConditionType.READY, reason, message),
            *([_drained(verdict)] if verdict else []),
        ),
    )


def delayed(eventing: Object, message: str) -> Report | None:
    """Report what holds up a change that is under way, all else as it was; None where none is."""
    state = state_of(eventing)
    if state not in {State.PROCESSING, State.DELETING}:
        return None
    return Report(
        state=State(state),
        active_backend=active_backend(eventing),
        conditions=tuple(
            replace(condition, message=f"trying again: {message}")
            if condition.type == ConditionType.READY
            else condition
            for condition in conditions_of(eventing)
            if condition.type != ConditionType.RECONCILING
        ),
        dependencies=dependencies_of(eventing),
    )


def hindered(report: Report, hindrance: str) -> Report:
    """Add to a report why that which has to stay cannot be kept as it was provisioned."""
    note = f"; what has to stay cannot be applied: {hindrance}"
    told = {ConditionType.READY, ConditionType.DRAINED}
    return replace(
        report,
        conditions=tuple(
            replace(condition, message=condition.message + note) if condition.type in told else condition
            for condition in report.conditions
        ),
    )


def another_is_served(served: ObjectKey) -> Report:
    """Report that this Eventing waits for another one to go."""
    message = f"Eventing {served} is served, and there is one backend only; delete that one or this one"
    return _waits(State.WARNING, Reason.ANOTHER_IS_SERVED, message)


def namespace_not_served(namespace: str, served: Sequence[str]) -> Report:
    """Report that the manager serves no Eventing of this namespace."""
    message = (
        f"Eventings of namespace {namespace} are not served, those of {' and '.join(served)} are; make it"
        f" there, or add {namespace} to the manager's --serve-namespaces"
    )
    return _waits(State.WARNING, Reason.NAMESPACE_NOT_SERVED, message)


def handed_over(seconds: float) -> Report:
    """Report that this Eventing is the next, unless the module is about to leave."""
    message = f"the Eventing that was served is gone; this one is next, {seconds:g} s after that"
    return _waits(State.PROCESSING, Reason.HANDED_OVER, message)


def module_leaves() -> Report:
    """Report that the module is being removed, so that nothing is begun."""
    message = (
        f"CustomResourceDefinition {EVENTINGS_DEFINITION} is being deleted: no Eventing is served any more"
    )
    return _waits(State.WARNING, Reason.MODULE_LEAVES, message)


def _waits(state: State, reason: Reason, message: str) -> Report:
    return Report(state=state, active_backend="", conditions=(_not(ConditionType.READY, reason, message),))


def _is(type_: ConditionType, reason: str, message: str) -> Condition:
    return Condition(type=type_, holds=True, reason=reason, message=message)


def _not(type_: ConditionType, reason: str, message: str) -> Condition:
    return Condition(type=type_, holds=False, reason=reason, message=message)


def _dependencies(backend: BackendType, found: Sequence[Dependency]) -> Condition:
    if not found:
        message = f"backend {backend} needs nothing that others install"
        return _is(ConditionType.DEPENDENCIES_SATISFIED, Reason.NOTHING_NEEDED, message)
    message = "; ".join(dependency.message for dependency in found)
    unsatisfied = next((dependency for dependency in found if not dependency.satisfied), None)
    if unsatisfied is None:
        return _is(ConditionType.DEPENDENCIES_SATISFIED, Reason.SATISFIED, message)
    return _not(ConditionType.DEPENDENCIES_SATISFIED, unsatisfied.reason, message)


def _provisioned() -> Condition:
    return _is(ConditionType.PROVISIONED, Reason.AVAILABLE, f"every object of {NATS} is applied")


def _drained(verdict: Verdict) -> Condition:
    return Condition(
        type=ConditionType.DRAINED, holds=verdict.allowed, reason=verdict.reason, message=verdict.message
    )


def _removed(retained: Sequence[ObjectKey]) -> Condition:
    if retained:
        names = ", ".join(str(claim) for claim in retained)
        message = f"nothing of {NATS} is left but PersistentVolumeClaim {names}, retained as asked for"
        return _is(ConditionType.DEPROVISIONED, Reason.RETAINED, message)
    return _is(ConditionType.DEPROVISIONED, Reason.REMOVED, f"nothing of {NATS} is left")
