"""Take NATS away from an Eventing step by step, and say so in its status."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventing_manager import reports
from eventing_manager.spec import provisioned_spec
from kubeloop.errors import ForeignObjectError, InvalidError

if TYPE_CHECKING:
    from eventing_manager.eventings import Eventings
    from eventing_manager.guard import Verdict
    from eventing_manager.provisioning import Provisioning
    from eventing_manager.removal import Removal
    from eventing_manager.spec import EventingSpec
    from eventing_manager.status import State
    from kubeloop.resource import Object, ObjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a retirement stands."""

    eventing: Object
    """The Eventing as it was written last."""

    is_over: bool = False
    is_blocked: bool = False
    """Whether messages hold it up: no watch tells when that changes."""

    retained: tuple[ObjectKey, ...] = ()
    """The claims that stay, because they were asked to."""

    verdict: Verdict | None = None
    """That by which NATS was removed, None where nobody was asked."""


class Retirement:
    """Ask the guard, write down what it said, then remove: in this order, whenever it may be killed."""

    def __init__(self, eventings: Eventings, removal: Removal, provisioning: Provisioning) -> None:
        self._eventings = eventings
        self._removal = removal
        self._provisioning = provisioning

    async def advance(self, eventing: Object, spec: EventingSpec, state: State) -> Step:
        """Do what can be done now; call again when something of it changes, or soon while it is blocked."""
        active = (eventing.get("status") or {}).get("activeBackend", "")
        verdict = await self._removal.judge(eventing, spec)
        if verdict is not None and not verdict.allowed:
            verdict = await self._keep(eventing, verdict)
            return Step(
                eventing=await self._eventings.report(eventing, reports.blocked(state, active, verdict)),
                is_blocked=True,
            )
        if verdict is not None and reports.remembered_verdict(eventing) is None:
            going = reports.removing(
                state, active, f"what was installed for {active or spec.backend}", verdict
            )
            eventing = await self._eventings.report(eventing, going)
        progress = await self._removal.advance(eventing, spec)
        if not progress.is_over:
            going = reports.removing(state, active, progress.waiting_for, verdict)
            eventing = await self._eventings.report(eventing, going)
        return Step(eventing=eventing, is_over=progress.is_over, retained=progress.retained, verdict=verdict)

    async def _keep(self, eventing: Object, verdict: Verdict) -> Verdict:
        """Keep what has to stay as it was provisioned: a server that is down delivers nothing.

        Returns the verdict, with what is in the way of that; the ways out that it names stay open.
        """
        spec = provisioned_spec(eventing)
        if spec is None:
            return verdict
        try:
            await self._provisioning.provide(eventing, spec, draining=verdict.drains)
        except (InvalidError, ForeignObjectError) as error:
            return replace(verdict, message=f"{verdict.message}; what has to stay cannot be applied: {error}")
        return verdict
