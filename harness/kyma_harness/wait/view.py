"""Copies of everything that tests care about, kept up to date in the background."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from kubeloop.client import Client
from kubeloop.kinds import (
    DAEMON_SET,
    DEPLOYMENT,
    EVENT,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    PVC,
    REPLICA_SET,
    SERVICE,
    STATEFUL_SET,
)
from kubeloop.reflector import Reflector, ReflectorTimings
from kubeloop.resource import Kind, Object
from kyma_harness.wait.relations import with_field_managers
from kyma_harness.wait.target import Target

WORKLOADS = (POD, DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET, JOB)
USUAL = (*WORKLOADS, EVENT, PVC, SERVICE, NAMESPACE, NODE)
"""Kinds that tell why something does not work, whatever the module is."""
SYNC_SECONDS = 10.0

Listener = Callable[[Kind, Object | None, Object | None], None]
"""Is told of each change: the kind, the object before, the object after; None where there is none."""


class ClusterView:
    """Reflect kinds, all namespaces of them, from :meth:`start` until :meth:`stop`."""

    def __init__(self, client: Client, kinds: Iterable[Kind] = USUAL) -> None:
        self._client = client
        self._wanted = list(kinds)
        self._reflectors: dict[Kind, Reflector] = {}
        self._listeners: list[Listener] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._life: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, and return when every kind is known or known to be absent."""
        opened = asyncio.Event()
        self._life = asyncio.create_task(self._live(opened), name="cluster view")
        await opened.wait()
        await self.follow(*self._wanted)

    async def stop(self) -> None:
        """End every watch."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
            self._life = self._tasks = None

    async def follow(self, *kinds: Kind) -> None:
        """Reflect these kinds too; returns when they are known, or after ten seconds without an answer."""
        if self._tasks is None:
            raise RuntimeError("the view is not started")
        fresh = [self._reflector(kind) for kind in dict.fromkeys(kinds) if kind not in self._reflectors]
        for reflector in fresh:
            self._tasks.create_task(reflector.run(), name=f"view of {reflector.kind}")
        try:
            async with asyncio.timeout(SYNC_SECONDS):
                for reflector in fresh:
                    await reflector.synced.wait()
        except TimeoutError:  # the API server is slow: what waits for it has its own limit
            return

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell a listener of every change from now on; returns what makes that end."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def until(self, holds: Callable[[], bool], within: float) -> bool:
        """Wait for a change after which a claim holds; tells whether it came so soon, in seconds."""
        changed = asyncio.Event()
        silence = self.listen(lambda _kind, _old, _new: changed.set())
        try:
            async with asyncio.timeout(within):
                while not holds():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return False
        finally:
            silence()
        return True

    def follows(self, kind: Kind) -> bool:
        """Tell whether a kind is reflected."""
        return kind in self._reflectors

    def find(self, target: Target) -> Object | None:
        """Return the copy of an object; None where there is none or its kind is not followed."""
        reflector = self._reflectors.get(target.kind)
        return reflector.get(target.key) if reflector else None

    def all(self, *kinds: Kind) -> Iterator[Object]:
        """Yield the copies of all objects of these kinds, of every kind if none is given."""
        for kind in kinds or tuple(self._reflectors):
            if reflector := self._reflectors.get(kind):
                yield from reflector.all()

    async def _live(self, opened: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            opened.set()
            await asyncio.get_running_loop().create_future()

    def _reflector(self, kind: Kind) -> Reflector:
        def tell(old: Object | None, new: Object | None) -> None:
            for listener in tuple(self._listeners):
                listener(kind, old, new)

        # Where tests run, API servers come and go: bookmarks tell within a minute.
        timings = ReflectorTimings(inactivity=90)
        reflector = Reflector(
            self._client,
            kind,
            on_change=tell,
            transform=with_field_managers,
            name=f"view of {kind.kind}",
            timings=timings,
        )
        self._reflectors[kind] = reflector
        return reflector
