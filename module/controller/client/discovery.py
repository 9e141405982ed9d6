"""Learn from the API server where it serves which kind."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from controller.errors import KindAbsentError, NotFoundError
from controller.resource import Kind, ServedKind

if TYPE_CHECKING:
    from controller.client.connection import Connection


class Discovery:
    """Cache what is served, one request per group and version; what is not served is asked for again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, dict[str, ServedKind]] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def served(self, kind: Kind) -> ServedKind:
        """Return where a kind is served; raise KindAbsentError if it is not."""
        api_version = kind.api_version
        if kind.kind not in self._known.get(api_version, {}):
            asked = self._known.get(api_version)
            async with self._asking[api_version]:
                # Whoever waited here for another's answer takes that answer.
                if self._known.get(api_version) is asked:
                    self._known[api_version] = await self._ask(kind)
        try:
            return self._known[api_version][kind.kind]
        except KeyError:
            raise KindAbsentError(kind) from None

    def forget(self, kind: Kind | None = None) -> None:
        """Drop what is known of a kind's group and version, or everything."""
        if kind is None:
            self._known.clear()
        else:
            self._known.pop(kind.api_version, None)

    async def _ask(self, kind: Kind) -> dict[str, ServedKind]:
        root = "/apis" if kind.group else "/api"
        path = f"{root}/{kind.api_version}"
        try:
            answer = await self._connection.request("GET", path)
        except NotFoundError:
            return {}
        resources = answer["resources"] if isinstance(answer, dict) else []
        return {
            resource["kind"]: ServedKind(
                kind=Kind(group=kind.group, version=kind.version, kind=resource["kind"]),
                plural=resource["name"],
                namespaced=resource["namespaced"],
            )
            for resource in resources
            if "/" not in resource["name"]  # "deployments/scale" and the like are subresources
        }
