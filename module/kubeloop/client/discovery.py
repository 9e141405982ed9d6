"""Learn from the API server where it serves which kind."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from kubeloop.errors import KindAbsentError, NotFoundError, UnreachableError
from kubeloop.resource import Kind, ServedKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeloop.client.connection import Connection

_CORE_VERSION: Final = "v1"
"""Of the core group; it is also what a complaint calls the version of a group that is not served."""


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
        versions = await self._versions(group) if group else [_CORE_VERSION]
        for version in versions:
            found = Kind(group=group, version=version, kind=kind)
            with suppress(KindAbsentError):
                await self.served(found)
                return found
        raise KindAbsentError(Kind(group=group, version=(versions or [_CORE_VERSION])[0], kind=kind))

    def forget(self, kind: Kind | None = None) -> None:
        """Drop what is known of a kind's group and version, or everything."""
        if kind is None:
            self._known.clear()
        else:
            self._known.pop(kind.api_version, None)

    async def _versions(self, group: str) -> list[str]:
        """Return the versions of a group, the preferred one first, none where it is not served."""
        path = f"/apis/{_segment(group)}"
        found = await self._read(path, lambda answer: [str(item["version"]) for item in answer["versions"]])
        return found or []

    async def _ask(self, kind: Kind) -> dict[str, ServedKind]:
        segments = ["apis", kind.group, kind.version] if kind.group else ["api", kind.version]
        path = "".join(f"/{_segment(segment)}" for segment in segments)
        found = await self._read(path, lambda answer: _kinds_of(answer, kind))
        return found or {}

    async def _read(self, path: str, understood: Callable[[Any], Any]) -> Any:
        """Return what is understood of an answer, None where the path is not served."""
        try:
            answer = await self._connection.request("GET", path)
        except NotFoundError:
            return None
        try:
            return understood(answer)
        except (LookupError, TypeError, AttributeError) as error:
            raise UnreachableError(
                self._connection.server, f"its discovery at {path} makes no sense: {str(answer)[:200]}"
            ) from error


def _kinds_of(answer: Any, kind: Kind) -> dict[str, ServedKind]:
    return {
        resource["kind"]: ServedKind(
            kind=Kind(group=kind.group, version=kind.version, kind=resource["kind"]),
            plural=resource["name"],
            namespaced=resource["namespaced"],
        )
        for resource in answer["resources"]
        if "/" not in resource["name"]  # "deployments/scale" and the like are subresources
    }


def _segment(text: str) -> str:
    """Return a group or a version as one segment of a path, which leads nowhere else."""
    # Servers follow dots that lead upwards, quoted or not; no group has such a name.
    return quote(text, safe="") if text.strip(".") else "-"
