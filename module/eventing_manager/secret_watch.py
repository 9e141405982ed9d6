"""Watch the one Secret that the served Eventing names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kubeloop.kinds import SECRET
from kubeloop.reflector import Reflector

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeloop.client import Client
    from kubeloop.resource import Object, ObjectKey


class SecretWatch:
    """Call ``on_change()`` whenever the Secret aimed at comes, changes or goes.

    It is watched by its name, which the right to read one Secret is enough for. The copy is never looked at:
    a pass reads the Secret itself, and learns whether it may.
    """

    def __init__(self, client: Client, *, on_change: Callable[[], None]) -> None:
        self.name = "the secret of eventmesh"
        self._client = client
        self._on_change = on_change
        self._key: ObjectKey | None = None
        self._aimed = asyncio.Event()

    def aim(self, key: ObjectKey | None) -> None:
        """Watch another Secret from now on, or none."""
        if key != self._key:
            self._key = key
            self._aimed.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._aimed.clear()
            async with asyncio.TaskGroup() as watching:
                watch = watching.create_task(self._watch(self._key)) if self._key else None
                await self._aimed.wait()
                if watch is not None:
                    watch.cancel()

    async def _watch(self, key: ObjectKey) -> None:
        await Reflector(
            self._client,
            SECRET,
            namespace=key.namespace,
            field_selector=f"metadata.name={key.name}",
            on_change=self._changed,
            transform=_without_content,
            name=f"Secret {key}",
        ).run()

    def _changed(self, _old: Object | None, _new: Object | None) -> None:
        self._on_change()


def _without_content(secret: Object) -> Object:
    """Keep nothing in memory that is not needed."""
    return {"metadata": secret["metadata"]}
