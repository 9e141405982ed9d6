"""A client whose lists and watches a test writes: time passes at once, and anything can be stopped in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from kubeloop.client import ObjectList, WatchEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from kubeloop.resource import Kind, Object


def an_object(name: str, version: str = "1", namespace: str = "default") -> Object:
    return {"metadata": {"name": name, "namespace": namespace, "uid": name, "resourceVersion": version}}


class ScriptedClient:
    """List the objects there are, and keep quiet in a watch, unless told otherwise.

    ``lists`` are answers that come first: errors, which are raised, or Events, which are waited for.
    """

    server = "https://nowhere"

    def __init__(self, *objects: Object, lists: tuple[Any, ...] = ()) -> None:
        self.objects = {obj["metadata"]["name"]: obj for obj in objects}
        self.lists = list(lists)
        self.listed: list[tuple[float, str | None]] = []
        self.open_watches = 0
        self._events: defaultdict[str | None, asyncio.Queue[WatchEvent]] = defaultdict(asyncio.Queue)

    @property
    def times(self) -> list[float]:
        """When was listed."""
        return [time for time, _ in self.listed]

    async def list(self, _kind: Kind, *, field_selector: str | None, **_selection: Any) -> ObjectList:
        self.listed.append((asyncio.get_running_loop().time(), field_selector))
        answer = self.lists.pop(0) if self.lists else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await answer.wait()
        found = [obj for name, obj in self.objects.items() if _selects(field_selector, name)]
        return ObjectList(items=[dict(obj) for obj in found], resource_version="10")

    async def watch(
        self, _kind: Kind, *, field_selector: str | None, timeout_seconds: float, **_selection: Any
    ) -> AsyncGenerator[WatchEvent]:
        self.open_watches += 1
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    yield await self._events[field_selector].get()
        except TimeoutError:
            return
        finally:
            self.open_watches -= 1

    def tell(self, obj: Object, event_type: str = "MODIFIED", *, field_selector: str | None = None) -> None:
        """Have the watch of a selection yield an event."""
        self._events[field_selector].put_nowait(WatchEvent(type=event_type, object=obj))


class Failing(ScriptedClient):
    """Raise the same for each list."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def list(self, _kind: Kind, **_selection: Any) -> ObjectList:
        self.listed.append((asyncio.get_running_loop().time(), None))
        raise self.error


def _selects(field_selector: str | None, name: str) -> bool:
    return field_selector is None or field_selector == f"metadata.name={name}"
