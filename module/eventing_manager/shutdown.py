"""Take the backend away before the manager stops, where it was told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eventing_manager import reports
from eventing_manager.names import FINALIZER
from eventing_manager.spec import EventingSpec
from eventing_manager.status import State
from kubeloop.errors import ControllerError
from kubeloop.logs import get_logger
from kubeloop.resource import has_finalizer, is_deleting

if TYPE_CHECKING:
    from eventing_manager.eventings import Eventings
    from eventing_manager.retirement import Retirement, Step
    from eventing_manager.tenancy import Tenancy
    from kubeloop.resource import Object

log = get_logger(__name__)

LOOK_AGAIN: Final = 0.5
"""Seconds until the next look, if nothing that is watched changes before."""


class Shutdown:
    """Deprovision the Eventing that is served, under the same guard as any removal.

    The runtime runs it between the last pass and the release of the lease, and cancels it when the grace
    period is over or the lease is lost: whatever is left then, the next manager finds.
    """

    def __init__(self, eventings: Eventings, tenancy: Tenancy, retirement: Retirement) -> None:
        self._eventings = eventings
        self._tenancy = tenancy
        self._retirement = retirement
        self._changed = asyncio.Event()

    def note_change(self) -> None:
        """Look again at once, as something changed."""
        self._changed.set()

    async def run(self) -> None:
        """Return when nothing is left to deprovision."""
        log.info("deprovisioning before the manager stops")
        while (eventing := self._served()) is not None:
            self._changed.clear()
            if await self._advance(eventing):
                return
            await self._until_changed()

    def _served(self) -> Object | None:
        """Return the Eventing that holds the backend, None where none ever did."""
        key = self._tenancy.holder()
        eventing = self._eventings.get(key) if key is not None else None
        return eventing if eventing is not None and has_finalizer(eventing, FINALIZER) else None

    async def _advance(self, eventing: Object) -> bool:
        """Do what can be done now; return whether that was all."""
        try:
            state = State.DELETING if is_deleting(eventing) else State.PROCESSING
            step = await self._retirement.advance(eventing, EventingSpec.parse(eventing), state)
            if step.is_over:
                await self._let_go(step)
        except ControllerError as error:
            log.warning("deprovisioning failed, trying again", error=str(error))
            return False
        return step.is_over

    async def _let_go(self, step: Step) -> None:
        """Take the finalizer off as well: nobody will be there to do it."""
        if not is_deleting(step.eventing):
            await self._eventings.report(step.eventing, reports.stopped(step.retained))
        await self._eventings.let_go(step.eventing)
        log.info("nothing is left", retained=[str(claim) for claim in step.retained])

    async def _until_changed(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await self._changed.wait()
        except TimeoutError:
            return
