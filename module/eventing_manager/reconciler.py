"""Bring the cluster to what the served Eventing asks for: observe, decide, act, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventing_manager.api.names import FINALIZER
from eventing_manager.api.spec import EventingSpec
from eventing_manager.api.status import state_of
from eventing_manager.api.tenancy import Place
from eventing_manager.decide.decide import (
    decide,
    explain,
    greeting,
    has_to_confirm,
    retry_after,
    stand_by,
)
from eventing_manager.errors import ChartError
from kubeloop.controller import Result
from kubeloop.errors import TerminalError, is_transient
from kubeloop.logs import get_logger, set_level
from kubeloop.resource import ObjectKey, generation_of, has_finalizer, is_deleting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from eventing_manager.act.actor import Actor, Outcome
    from eventing_manager.act.eventings import Eventings
    from eventing_manager.api.tenancy import Standing, Tenancy
    from eventing_manager.decide.provide import AllowedMetadata
    from eventing_manager.observe.observed import Observer
    from kubeloop.resource import Object

log = get_logger(__name__)

_QUIET: Final = 60.0
"""Seconds: of passes that find what the one before found, one is told in so many."""


class Passes:
    """Observe, decide and act until there is nothing more to do now."""

    def __init__(self, observer: Observer, actor: Actor, *, allowed: AllowedMetadata) -> None:
        self._observer = observer
        self._actor = actor
        self._allowed = allowed

    async def advance(self, eventing: Object, *, is_stopping: bool = False) -> Outcome:
        """Do what can be done now for an Eventing that is served.

        It may be killed anywhere: the next pass finds everything it needs in the cluster.
        """
        seen = await self._observer.look(eventing, is_stopping=is_stopping)
        steps = decide(seen, self._allowed)
        if has_to_confirm(steps, seen):
            seen = await self._observer.confirm(seen)
            steps = decide(seen, self._allowed)
        outcome = await self._actor.carry_out(steps, seen.eventing, seen.kinds)
        if outcome.applied is None:
            return outcome
        seen = await self._observer.after_apply(
            seen, outcome.eventing, outcome.applied, is_complete=outcome.is_complete
        )
        return await self._actor.carry_out(decide(seen, self._allowed), seen.eventing, seen.kinds)

    async def stand_by(self, eventing: Object, standing: Standing, namespaces: Sequence[str]) -> Outcome:
        """Do what can be done for an Eventing that is not served."""
        has_members = is_deleting(eventing) and await self._observer.has_members(eventing)
        steps = stand_by(eventing, standing, namespaces, has_members=has_members)
        return await self._actor.carry_out(steps, eventing, frozenset())


class EventingReconciler:
    """Reconcile one Eventing, and say so in its status, whatever happens in the pass."""

    def __init__(
        self,
        *,
        eventings: Eventings,
        tenancy: Tenancy,
        passes: Passes,
        follow_secret: Callable[[ObjectKey | None], None],
        namespaces: Sequence[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._eventings = eventings
        self._tenancy = tenancy
        self._passes = passes
        self._follow_secret = follow_secret
        self._namespaces = namespaces
        self._clock = clock
        self._told: dict[ObjectKey, tuple[object, datetime]] = {}

    async def reconcile(self, key: ObjectKey) -> Result:
        """Do one pass."""
        eventing = self._eventings.get(key)
        if eventing is None:
            self._forget(key)
            return Result()
        try:
            return await self._reconcile(key, eventing)
        except Exception as error:
            current = self._as_reported(eventing)
            await self._report(current, error)
            seconds = retry_after(current or eventing, error, self._clock())
            if seconds is not None:
                return Result(requeue_after=seconds)
            if isinstance(error, ChartError) and not is_transient(error):
                raise TerminalError(str(error)) from error
            raise

    async def _reconcile(self, key: ObjectKey, eventing: Object) -> Result:
        spec = EventingSpec.parse(eventing)
        standing = self._tenancy.standing(key)
        is_served = standing.place is Place.SERVED
        if is_served:
            set_level(spec.log_level)
        self._tell(key, eventing, str(spec.backend))
        if not is_served:
            return await self._stand_by(eventing, standing)
        self._follow_secret(spec.secret)
        report = greeting(eventing, spec)
        if report is not None:
            eventing = await self._eventings.report(eventing, report)
        outcome = await self._passes.advance(eventing)
        return Result(requeue_after=outcome.look_again)

    async def _stand_by(self, eventing: Object, standing: Standing) -> Result:
        if is_deleting(eventing) and not has_finalizer(eventing, FINALIZER):
            return Result()
        outcome = await self._passes.stand_by(eventing, standing, self._namespaces)
        return Result(requeue_after=outcome.look_again)

    async def _report(self, eventing: Object | None, error: Exception) -> None:
        """Say what ended a pass; nothing of what was found before is less true."""
        if eventing is None:
            return
        try:
            report = explain(eventing, error)
            if report is not None:
                await self._eventings.report(eventing, report)
        except Exception as second:  # noqa: BLE001 - it must not take the place of what is being reported
            log.warning("status is not written", error=str(second) or type(second).__name__)

    def _as_reported(self, eventing: Object) -> Object | None:
        """Return an Eventing with what its pass has written since, None where another generation came."""
        current = self._eventings.get(ObjectKey.of(eventing)) or eventing
        return current if generation_of(current) == generation_of(eventing) else None

    def _forget(self, key: ObjectKey) -> None:
        self._told.pop(key, None)
        if self._tenancy.holder() is None:
            self._follow_secret(None)
            set_level("info")

    def _tell(self, key: ObjectKey, eventing: Object, backend: str) -> None:
        """Log a pass: at once where something is new, and rarely while all is as it was."""
        found = (generation_of(eventing), is_deleting(eventing), state_of(eventing))
        known, when = self._told.get(key, (None, self._clock()))
        is_news = found != known or (self._clock() - when).total_seconds() >= _QUIET
        write = log.info if is_news else log.debug
        write("reconciling", flags={"backend": {"type": backend}}, backend=backend)
        if is_news:
            self._told[key] = (found, self._clock())
