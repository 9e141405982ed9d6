"""Wait for what a watch tells, instead of sleeping."""

import asyncio

from kubeloop.reflector import Reflector

PATIENCE = 120.0
"""Seconds; whoever waits so long on a busy machine has failed."""


class Watching:
    """All objects of a kind, by name, and what was ever seen of them."""

    def __init__(self, client, kind, *, namespace=None, label_selector=None):
        self.history = []
        self._changed = asyncio.Event()
        self._reflector = Reflector(
            client, kind, namespace=namespace, label_selector=label_selector, on_change=self._note
        )

    async def __aenter__(self):
        self._task = asyncio.create_task(self._reflector.run())
        await self._reflector.synced.wait()
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait([self._task])

    @property
    def objects(self):
        return {obj["metadata"]["name"]: obj for obj in self._reflector.all()}

    async def until(self, condition):
        """Return what the condition says of the objects by name as soon as that is true."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (said := condition(self.objects)):
                    self._changed.clear()
                    await self._changed.wait()
                return said
        except TimeoutError:
            raise AssertionError(f"never came true of {self._reflector.kind}: {self.objects}") from None

    def _note(self, _old, new):
        self.history.append(new)
        self._changed.set()
