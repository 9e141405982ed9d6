"""Bring the cluster to what the served Eventing asks for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from eventing_manager import reports
from eventing_manager.errors import ChartError, JetStreamError, VolumesError
from eventing_manager.eventmesh import secret_found
from eventing_manager.names import FINALIZER
from eventing_manager.reasons import Reason
from eventing_manager.spec import BackendType, EventingSpec, is_noted, settings_to_note
from eventing_manager.status import ConditionType, State, seconds_of
from kubeloop.controller import Result
from kubeloop.errors import (
    ApiError,
    ControllerError,
    ForeignObjectError,
    NotFoundError,
    TerminalError,
    is_transient,
)
from kubeloop.logs import get_logger, set_level
from kubeloop.resource import ObjectKey, generation_of, has_finalizer, is_deleting

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from eventing_manager.eventings import Eventings
    from eventing_manager.jetstream import JetStream
    from eventing_manager.provisioning import Provisioned, Provisioning
    from eventing_manager.retirement import Retirement, Step
    from eventing_manager.secret_watch import SecretWatch
    from eventing_manager.status import Report
    from eventing_manager.tenancy import Tenancy
    from kubeloop.client import Client
    from kubeloop.resource import Object

log = get_logger(__name__)

LOOK_AGAIN: Final = 0.5
"""Seconds until the next look at what cannot be watched: a silent JetStream, messages that are received."""


LOOK_AGAIN_AT_LAST: Final = 10.0
"""Seconds until the next look at what only a person can mend, when it has lasted for long."""


class EventingReconciler:
    """Reconcile one Eventing: install, remove, and say so in its status.

    A pass reads what is, does what can be done now, and returns; what it waits for is watched and starts the
    next. It may be killed anywhere: the next one finds everything it needs in the cluster.
    """

    def __init__(
        self,
        *,
        client: Client,
        namespace: str,
        eventings: Eventings,
        tenancy: Tenancy,
        provisioning: Provisioning,
        retirement: Retirement,
        jetstream: JetStream,
        secret_watch: SecretWatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._eventings = eventings
        self._tenancy = tenancy
        self._provisioning = provisioning
        self._retirement = retirement
        self._jetstream = jetstream
        self._secret_watch = secret_watch
        self._clock = clock

    async def reconcile(self, key: ObjectKey) -> Result:
        """Do one pass."""
        eventing = self._eventings.get(key)
        if eventing is None:
            if self._tenancy.holder() is None:
                self._secret_watch.aim(None)
            return Result()
        spec = EventingSpec.parse(eventing)
        served = self._tenancy.holder()
        is_served = served is None or served == key
        if is_served:
            set_level(spec.log_level)
        log.info("reconciling", flags={"backend": {"type": str(spec.backend)}}, backend=str(spec.backend))
        if served is not None and not is_served:
            return await self._stand_by(eventing, served)
        self._secret_watch.aim(spec.secret)
        eventing = await self._greet(eventing, spec)
        try:
            return await self._serve(eventing, spec)
        except ForeignObjectError as error:
            await self._report_failure(eventing, Reason.FOREIGN_OBJECT, error)
            return self._look_at_what_lasts(eventing)
        except VolumesError as error:
            await self._report_failure(eventing, Reason.VOLUMES_UNFIT, error)
            return Result()
        except ControllerError as error:
            await self._tell_of(eventing, error)
            if isinstance(error, ChartError) and not is_transient(error):
                raise TerminalError(str(error)) from error
            raise

    async def _stand_by(self, eventing: Object, served: ObjectKey) -> Result:
        if not is_deleting(eventing):
            await self._eventings.report(eventing, reports.another_is_served(served))
        elif has_finalizer(eventing, FINALIZER) and not await self._provisioning.installed(eventing):
            # Nothing is left of when it was served; where something is, that goes when it is served again.
            await self._eventings.let_go(eventing)
        return Result()

    async def _greet(self, eventing: Object, spec: EventingSpec) -> Object:
        """Report at once that a generation was seen: module-manager asks without end until it reads so."""
        status = eventing.get("status") or {}
        if status.get("observedGeneration") == generation_of(eventing):
            return eventing
        active, verdict = _active(eventing), reports.remembered_verdict(eventing)
        if is_deleting(eventing):
            return await self._eventings.report(eventing, reports.removal_starts(active, verdict))
        kept = None if spec.backend is BackendType.NATS else verdict
        return await self._eventings.report(eventing, reports.starting(spec.backend, active, kept))

    async def _serve(self, eventing: Object, spec: EventingSpec) -> Result:
        if is_deleting(eventing):
            return await self._retire(eventing, spec)
        if spec.backend is BackendType.NATS:
            return await self._provide_nats(eventing, spec)
        return await self._provide_eventmesh(await self._eventings.claim(eventing), spec)

    async def _retire(self, eventing: Object, spec: EventingSpec) -> Result:
        if not has_finalizer(eventing, FINALIZER):
            return Result()
        step = await self._retirement.advance(eventing, spec, State.DELETING)
        if not step.is_over:
            return _until_the_next(step)
        await self._eventings.let_go(eventing)
        log.info("nothing is left", retained=[str(claim) for claim in step.retained])
        return Result()

    async def _provide_eventmesh(self, eventing: Object, spec: EventingSpec) -> Result:
        step = await self._retirement.advance(eventing, spec, State.PROCESSING)
        if not step.is_over:
            return _until_the_next(step)
        secret = None
        if spec.secret is not None:
            secret = await secret_found(self._client, spec.secret, self._namespace)
        eventing = await self._eventings.report(
            step.eventing, reports.eventmesh(step.retained, secret, step.verdict)
        )
        # To be allowed to read it is nothing that a watch tells of.
        is_forbidden = secret is not None and secret.reason == Reason.SECRET_FORBIDDEN
        return self._look_at_what_lasts(eventing) if is_forbidden else Result()

    async def _provide_nats(self, eventing: Object, spec: EventingSpec) -> Result:
        try:
            await self._provisioning.require_fit(spec)
        except VolumesError:
            # What is noted stays true of the volumes.
            await self._eventings.claim(eventing)
            raise
        settings = settings_to_note(eventing)
        # Servers that run keep the note of what they run by until the API server has accepted another:
        # one that it refuses could not keep them alive until they are drained.
        may_note = is_noted(eventing, settings) or not await self._provisioning.has_servers(eventing)
        eventing = await self._eventings.claim(eventing, settings if may_note else None)
        provisioned = await self._provisioning.provide(eventing, spec)
        eventing = await self._eventings.claim(eventing, settings)
        report, is_settled = await self._look_at_nats(_active(eventing), provisioned)
        await self._eventings.report(eventing, report)
        return Result(requeue_after=None if is_settled and provisioned.is_complete else LOOK_AGAIN)

    async def _look_at_nats(self, active: str, provisioned: Provisioned) -> tuple[Report, bool]:
        """Return what to report of NATS, and whether a watch tells when that changes."""
        dependencies, waiting_for = provisioned.dependencies, provisioned.waiting_for
        if waiting_for is not None:
            return reports.not_ready(active, Reason.NOT_READY, waiting_for, dependencies), True
        try:
            await self._jetstream.check()
        except JetStreamError as error:
            return reports.not_ready(active, Reason.JETSTREAM_SILENT, str(error), dependencies), False
        return reports.nats_ready(dependencies), True

    async def _tell_of(self, eventing: Object, error: ControllerError) -> None:
        if is_transient(error):
            await self._report_delay(eventing, error)
        elif isinstance(error, ApiError):
            await self._report_failure(eventing, Reason.API_REFUSED, error)
        elif isinstance(error, ChartError):
            await self._report_failure(eventing, Reason.CHART_BROKEN, error)

    async def _report_delay(self, eventing: Object, error: Exception) -> None:
        """Say what holds up a change that is on its way; nothing of what was found before is less true."""
        current = self._as_reported(eventing)
        report = reports.delayed(current, str(error)) if current is not None else None
        if current is not None and report is not None:
            with contextlib.suppress(ControllerError):
                await self._eventings.report(current, report)

    async def _report_failure(self, eventing: Object, reason: Reason, error: Exception) -> None:
        current = self._as_reported(eventing)
        if current is None:
            return
        state = State.DELETING if is_deleting(current) else _failed_state(reason)
        verdict = reports.remembered_verdict(current)
        with contextlib.suppress(NotFoundError):
            await self._eventings.report(
                current, reports.failed(state, _active(current), reason, str(error), verdict)
            )

    def _look_at_what_lasts(self, eventing: Object) -> Result:
        current = self._as_reported(eventing) or eventing
        return Result(requeue_after=patience(current, self._clock()))

    def _as_reported(self, eventing: Object) -> Object | None:
        """Return an Eventing with what its pass has written since, None where another generation came."""
        current = self._eventings.get(ObjectKey.of(eventing)) or eventing
        return current if generation_of(current) == generation_of(eventing) else None


def patience(eventing: Object, now: datetime) -> float:
    """Return the seconds until the next look at what a person has to mend: a tenth of what it has lasted."""
    lasted = seconds_of(eventing, ConditionType.STALLED, holds=True, now=now) or 0.0
    return min(max(lasted / 10, LOOK_AGAIN), LOOK_AGAIN_AT_LAST)


def _active(eventing: Object) -> str:
    """Return the backend that was last reported to be in place."""
    active: str = (eventing.get("status") or {}).get("activeBackend", "")
    return active


def _failed_state(reason: Reason) -> State:
    return State.WARNING if reason in {Reason.FOREIGN_OBJECT, Reason.VOLUMES_UNFIT} else State.ERROR


def _until_the_next(step: Step) -> Result:
    return Result(requeue_after=LOOK_AGAIN if step.is_blocked else None)
