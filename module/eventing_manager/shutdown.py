"""Take the backend away before the manager stops, where it was told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eventing_manager.api.names import FINALIZER
from kubeloop.logs import get_logger
from kubeloop.resource import has_finalizer

if TYPE_CHECKING:
    from eventing_manager.act.eventings import Eventings
    from eventing_manager.api.tenancy import Tenancy
    from eventing_manager.reconciler import Passes
    from kubeloop.resource import Object

log = get_logger(__name__)

LOOK_AGAIN: Final = 0.5
"""Seconds until the next look, if nothing that is watched changes before."""


class Shutdown:
    """Deprovision the Eventing that is served, under the same guard as any removal.

    The runtime runs it between the last pass and the release of the lease, and cancels it when the grace
    period is over or the lease is lost: whatever is left then, the next manager finds.
    """

    def __init__(self, eventings: Eventings, tenancy: Tenancy, passes: Passes) -> None:
        self._eventings = eventings
        self._tenancy = tenancy
        self._passes = passes
        self._changed = asyncio.Event()

    def note_change(self) -> None:
        """Look again at once, as something changed."""
        self._changed.set()

    async def run(self) -> None:
        """Return when nothing is left to deprovision."""
        log.info("deprovisioning before the manager stops")
        while (eventing := self._served()) is not None:
            self._changed.clear()
            if await self._is_over(eventing):
                return
            await self._until_changed()

    def _served(self) -> Object | None:
        """Return the Eventing that holds the backend, None where none ever did."""
        key = self._tenancy.holder()
        eventing = self._eventings.get(key) if key is not None else None
        return eventing if eventing is not None and has_finalizer(eventing, FINALIZER) else None

    async def _is_over(self, eventing: Object) -> bool:
        """Do what can be done now; return whether that was all."""
        try:
            return (await self._passes.advance(eventing, is_stopping=True)).is_over
        except Exception as error:  # noqa: BLE001 - there is time left to try again
            log.warning("deprovisioning failed, trying again", error=str(error) or type(error).__name__)
            return False

    async def _until_changed(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await self._changed.wait()
        except TimeoutError:
            return
