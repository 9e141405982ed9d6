"""Decide what to do about one Eventing, from one picture of what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventing_manager.api import reports
from eventing_manager.api.spec import BackendType
from eventing_manager.api.status import (
    Reason,
    State,
    active_backend,
    is_seen,
    remembered_verdict,
    with_report,
)
from eventing_manager.api.tenancy import Place
from eventing_manager.decide.provide import provide
from eventing_manager.decide.retire import retire
from eventing_manager.decide.steps import (
    Apply,
    Delete,
    DeleteClaims,
    LetGo,
    LookAgain,
    Report,
    patience,
)
from eventing_manager.errors import ChartError, CredentialsError
from kubeloop.errors import (
    ApiError,
    ControllerError,
    ForeignObjectError,
    KindAbsentError,
    is_transient,
)
from kubeloop.resource import is_deleting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from eventing_manager.api.spec import EventingSpec
    from eventing_manager.api.status import Report as StatusReport
    from eventing_manager.api.tenancy import Standing
    from eventing_manager.decide.provide import AllowedMetadata
    from eventing_manager.decide.steps import Step
    from eventing_manager.observe.observed import Observed
    from kubeloop.resource import Object


def decide(seen: Observed, allowed: AllowedMetadata) -> tuple[Step, ...]:
    """Return the steps that bring what is closer to what is wanted; none where it is there."""
    return provide(seen, allowed) if seen.wants_nats else retire(seen)


def has_to_confirm(steps: Sequence[Step], seen: Observed) -> bool:
    """Tell whether steps need a look at the API server first, as copies may be late.

    That is so of all that deletes, of the first word that nothing is left, and of servers that are made anew:
    there may be volumes that do not fit them.
    """
    return not seen.is_confirmed and any(_is_grave(step, seen) for step in steps)


def _is_grave(step: Step, seen: Observed) -> bool:
    match step:
        case Delete() | DeleteClaims() | LetGo():
            return True
        case Apply():
            return seen.statefulset is None and seen.installed is None
        case Report(report=report, is_final=True):
            return with_report(seen.eventing, report, now=seen.now) != seen.eventing
        case _:
            return False


def greeting(eventing: Object, spec: EventingSpec) -> StatusReport | None:
    """Return the first report of a generation, None where there was one.

    It comes before anything that may take its time: module-manager asks without end until it reads so.
    """
    if is_seen(eventing):
        return None
    active, verdict = active_backend(eventing), remembered_verdict(eventing)
    if is_deleting(eventing):
        return reports.removal_starts(active, verdict)
    kept = None if spec.backend is BackendType.NATS else verdict
    return reports.starting(spec.backend, active, kept)


def stand_by(
    eventing: Object, standing: Standing, namespaces: Sequence[str], *, has_members: bool
) -> tuple[Step, ...]:
    """Return the steps for an Eventing that is not served.

    One that is deleted goes, unless something is left of when it was served: that goes when it is again.
    """
    if is_deleting(eventing):
        return () if has_members else (LetGo(),)
    match standing.place:
        case Place.BEHIND if standing.served is not None:
            return (Report(report=reports.another_is_served(standing.served)),)
        case Place.OUTSIDE:
            namespace = eventing["metadata"]["namespace"]
            return (Report(report=reports.namespace_not_served(namespace, namespaces)),)
        case Place.NEXT:
            again = LookAgain(seconds=standing.seconds)
            return (Report(report=reports.handed_over(standing.seconds)), again)
        case _:
            return (Report(report=reports.module_leaves()),)


def explain(eventing: Object, error: Exception) -> StatusReport | None:
    """Return what to report of an error that ended a pass, None where the log is enough.

    Of what nobody raised on purpose the class is told, and no more: its words may hold what is secret.
    """
    # A kind that is absent was there when the objects were rendered: its definition tells when that changes.
    if is_transient(error) or isinstance(error, KindAbsentError):
        return reports.delayed(eventing, str(error))
    state, reason = next((found for kind, found in _FAILURES.items() if isinstance(error, kind)), _OF_NO_KIND)
    message = str(error)
    if not isinstance(error, ControllerError):
        message = f"the manager failed with {type(error).__name__}, and tries again; its log tells where"
    return reports.failed(eventing, State.DELETING if is_deleting(eventing) else state, reason, message)


_FAILURES: Final = {
    ForeignObjectError: (State.WARNING, Reason.FOREIGN_OBJECT),
    CredentialsError: (State.WARNING, Reason.CREDENTIALS_UNFIT),
    ApiError: (State.ERROR, Reason.API_REFUSED),
    ChartError: (State.ERROR, Reason.CHART_BROKEN),
}
_OF_NO_KIND: Final = (State.ERROR, Reason.INTERNAL)


def retry_after(eventing: Object, error: Exception, now: datetime) -> float | None:
    """Return when to look again at what only a person can mend; None where the error is to be raised."""
    if isinstance(error, ForeignObjectError | CredentialsError):
        return patience(eventing, now)
    return None
