"""Learn from the API server where it serves which kind."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.resource import Kind, ServedKind

if TYPE_CHECKING:
    from kubeloop.client.connection import Connection

# What a complaint calls the version of a group that is not served.
_VERSION_OF_NOTHING: Final = "v1"


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

    async def preferred(self, group: str, kind: str) -> Kind:
        """Return a kind in the first version that serves it, of those of its group in the server's order."""
        versions = await self._versions(group) if group else ["v1"]
        for version in versions:
            found = Kind(group=group, version=version, kind=kind)
            with suppress(KindAbsentError):
                await self.served(found)
                return found
        raise KindAbsentError(Kind(group=group, version=versions[0], kind=kind))

    def forget(self, kind: Kind | None = None) -> None:
        """Drop what is known of a kind's group and version, or everything."""
        if kind is None:
            self._known.clear()
        else:
            self._known.pop(kind.api_version, None)

    async def _versions(self, group: str) -> list[str]:
        """Return the versions of a group, the preferred one first; never none, so that it can be named."""
        try:
            answer = await self._connection.request("GET", f"/apis/{group}")
        except NotFoundError:
            return [_VERSION_OF_NOTHING]
        versions = [item["version"] for item in answer["versions"]] if isinstance(answer, dict) else []
        return versions or [_VERSION_OF_NOTHING]

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
