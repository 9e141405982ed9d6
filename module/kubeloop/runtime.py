"""Start a program's reflectors and controllers, tell how they fare, and stop them in order."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from kubeloop.endpoint import Answer, answer_checks, serving
from kubeloop.logs import get_logger
from kubeloop.metrics import exposition, measure_queues

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
    from typing import Any

    from kubeloop.controller import Controller
    from kubeloop.lease import Lease
    from kubeloop.reflector import Reflector

log = get_logger(__name__)

_CANCEL_LIMIT: Final = 2.0
"""Seconds for passes to end that were cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """Where to listen, and how long stopping may take."""

    health_address: str | None = None
    """``host:port`` of /healthz and /readyz."""

    metrics_address: str | None = None
    """``host:port`` of /metrics."""

    drain: float = 20.0
    """Seconds for running passes and for ``before_release``.

    A Pod has 30 s by default. After this come the release of the lease (``LeaseTimings.release``, 3 s), two
    seconds for passes that do not end, and one each for the endpoints.
    """

    optional_wait: float = 3.0
    """Seconds for which the start waits for copies that are not required."""

    sync_limit: float = 120.0
    """A required copy that is not complete for longer makes /healthz fail."""

    pass_limit: float = 300.0
    """A pass that takes longer makes /healthz fail: nothing that a pass does may take so long."""


class Runtime:
    """Run until told to stop, then stop in order.

    Start: probes, reflectors, until all are synced, the lease, controllers. Stop: not ready, no more keys,
    the running passes end, ``before_release``, the lease is given back, everything ends. A lost lease raises
    LeaseLostError and skips all of that, ``before_release`` above all: another instance leads by then.
    """

    def __init__(
        self,
        *,
        reflectors: Sequence[Reflector] = (),
        controllers: Sequence[Controller] = (),
        lease: Lease | None = None,
        before_release: Callable[[], Awaitable[None]] | None = None,
        registry: CollectorRegistry | None = None,
        settings: RuntimeSettings | None = None,
    ) -> None:
        self._reflectors = reflectors
        self._controllers = controllers
        self._lease = lease
        self._before_release = before_release
        self._registry = CollectorRegistry() if registry is None else registry
        self._settings = settings or RuntimeSettings()
        self._stopping = False
        self.health_port: int | None = None
        self.metrics_port: int | None = None
        measure_queues(controllers, self._registry)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; raise whatever brings a part of it down."""
        async with AsyncExitStack() as stack:
            await self._listen(stack)
            try:
                async with asyncio.TaskGroup() as tasks:
                    watching = [
                        tasks.create_task(watch.run(), name=f"watch {watch.name}")
                        for watch in self._reflectors
                    ]
                    await self._lead(tasks, stop)
                    for task in watching:
                        task.cancel()
            except ExceptionGroup as group:
                raise _sole_error(group) from group

    def healthz(self) -> Answer:
        """Answer whether every watch and every pass makes progress; that the loop does, the answer tells."""
        now = asyncio.get_running_loop().time()
        watches = {f"watch {r.name}": self._complaint_of_watch(r, now) for r in self._reflectors}
        passes = {f"passes {c.name}": self._complaint_of_passes(c, now) for c in self._controllers}
        return answer_checks({"loop": None, **watches, **passes})

    def readyz(self) -> Answer:
        """Answer whether every required copy is complete and no stop is under way.

        To wait for the lease is ready.
        """
        syncing = {
            f"watch {r.name}": None if r.synced.is_set() else "not synced"
            for r in self._reflectors
            if r.required
        }
        return answer_checks({"running": "stopping" if self._stopping else None, **syncing})

    def _complaint_of_watch(self, reflector: Reflector, now: float) -> str | None:
        if reflector.last_activity and reflector.is_stuck(now):
            return "stuck"
        since = reflector.unsynced_since
        if reflector.required and since is not None and now - since > self._settings.sync_limit:
            return f"not synced for {now - since:.0f} s: {reflector.last_error or 'its list has no answer'}"
        return None

    def _complaint_of_passes(self, controller: Controller, now: float) -> str | None:
        oldest = controller.oldest_pass(now)
        if oldest is None or oldest <= self._settings.pass_limit:
            return None
        return f"the pass on {controller.oldest_key()} has not ended for {oldest:.0f} s"

    def metrics(self) -> Answer:
        """Answer with all metrics."""
        return exposition(self._registry)

    async def _listen(self, stack: AsyncExitStack) -> None:
        if self._settings.health_address is not None:
            routes = {"/healthz": self.healthz, "/readyz": self.readyz}
            self.health_port = await stack.enter_async_context(serving(self._settings.health_address, routes))
        if self._settings.metrics_address is not None:
            routes = {"/metrics": self.metrics}
            self.metrics_port = await stack.enter_async_context(
                serving(self._settings.metrics_address, routes)
            )

    async def _lead(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        """Run controllers while the lease is ours; a lost one cancels this by way of the task group."""
        if await _ends_before(stop, self._synced()):
            if self._lease is None:
                await self._work(tasks, stop)
            elif await _ends_before(stop, self._lease.acquire()):
                renewing = tasks.create_task(self._lease.keep(), name="lease")
                await self._work(tasks, stop)
                # Its last request has ended before the lease is given back, or that would meet a conflict.
                await _cancel([renewing])
        self._stopping = True
        if self._lease is not None:
            await self._lease.release()

    async def _work(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        working = [tasks.create_task(c.run(), name=c.name) for c in self._controllers]
        await stop.wait()
        self._stopping = True
        log.info("stopping")
        for controller in self._controllers:
            controller.stop()
        try:
            async with asyncio.timeout(self._settings.drain):
                await self._drain(working)
        except TimeoutError:
            log.error("stopping took too long", limit=self._settings.drain)  # noqa: TRY400 - no stack to show
            for task in working:
                task.cancel()
            # One that does not end even so must not keep the lease: it cannot write without.
            if working:
                await asyncio.wait(working, timeout=_CANCEL_LIMIT)

    async def _drain(self, working: list[asyncio.Task[None]]) -> None:
        if working:
            await asyncio.wait(working)
        if self._before_release is not None:
            await self._before_release()

    async def _synced(self) -> None:
        required, optional = (
            [reflector for reflector in self._reflectors if reflector.required is is_required]
            for is_required in (True, False)
        )
        for reflector in required:
            await reflector.synced.wait()
        try:
            async with asyncio.timeout(self._settings.optional_wait):
                for reflector in optional:
                    await reflector.synced.wait()
        except TimeoutError:
            late = {r.name: r.last_error for r in optional if not r.synced.is_set()}
            log.warning("start does not wait for copies that are not required", copies=late)
        log.info("copies are complete", copies=len(required))


def stop_on_signals(*signals: signal.Signals) -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets, or the signals given; call it within the event loop."""
    stop = asyncio.Event()
    for number in signals or (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _ends_before(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Run something until it ends, or until told to stop; return whether it ended."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            return False
        await working
        return True
    finally:
        await _cancel([working, stopping])


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End tasks and wait until they have."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _sole_error(group: ExceptionGroup[Exception]) -> Exception:
    """Return the error in a group that holds but one, else the group."""
    error: Exception = group
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
