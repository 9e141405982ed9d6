"""Look on while a case runs: note each state that its objects go through."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

from hack.parity.normal import Normaliser, collapsed
from kubeloop.client import Client
from kubeloop.reflector import Reflector
from kubeloop.resource import Kind, Object, is_deleting
from kyma_harness.kyma.contract import KCP_NAMESPACE, KYMA, MANIFEST

GONE = "gone"


class Recorder:
    """The states of a case's Kymas, Manifests and custom resources, each in its order."""

    def __init__(self, client: Client, slug: str) -> None:
        self._client = client
        self._slug = slug
        self._normaliser = Normaliser(slug)
        self._steps: dict[str, list[str]] = {}
        self._changed = asyncio.Event()
        self._kinds: set[Kind] = set()
        self._reflectors: list[Reflector] = []
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Record while the block runs."""
        try:
            await self.follow(KYMA)
            await self.follow(MANIFEST)
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def follow(self, kind: Kind) -> None:
        """Record a kind, too, which need not be served yet."""
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        reflector = Reflector(self._client, kind, namespace=KCP_NAMESPACE, on_change=self._note)
        self._reflectors.append(reflector)
        self._tasks.append(asyncio.create_task(reflector.run(), name=f"record {kind}"))
        async with asyncio.timeout(30):
            await reflector.synced.wait()

    async def quiet(self, *, seconds: float, within: float) -> bool:
        """Wait until nothing has changed for so long; tells whether it came to that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while await self._changes_in(seconds):
                    pass
                return True
        return False

    def is_gapless(self) -> bool:
        """Tell whether every state was seen: an API server ends the watches of a kind that is defined anew.

        The kind of the custom resource comes and goes in a case; there that is no surprise.
        """
        return not any(one.interruptions for one in self._reflectors if one.kind in (KYMA, MANIFEST))

    def sequences(self) -> dict[str, list[str]]:
        """Return what was seen, without repetitions."""
        return {ref: collapsed(steps) for ref, steps in sorted(self._steps.items())}

    async def _changes_in(self, seconds: float) -> bool:
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _note(self, old: Object | None, new: Object | None) -> None:
        obj = new or old
        if obj is None or not obj["metadata"]["name"].startswith(self._slug):
            return
        step = self._normaliser.text(" ".join(_words(new))) if new else GONE
        steps = self._steps.setdefault(self._normaliser.ref(obj), [])
        if not steps or steps[-1] != step:
            steps.append(step)
            self._changed.set()


def _words(obj: Object) -> Iterator[str]:
    """Say what an object is like: whether it is being deleted, its state, and what it says in particular."""
    status = obj.get("status") or {}
    if is_deleting(obj):
        yield "leaving,"
    yield status.get("state") or "without state"
    details = [f"{one['reason']}={one['status']}" for one in status.get("conditions") or []]
    details += [f"{one['moduleName']} is {one['state']}" for one in status.get("moduleStatus") or []]
    if details:
        yield f"({', '.join(sorted(details))})"
