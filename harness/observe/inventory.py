"""Take stock of a whole cluster, and say what came and what went."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple, Self

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from controller.client import Client
from controller.errors import ApiError, TooManyRequestsError
from controller.resource import Object

PASSING = frozenset(
    {"Event", "Lease", "EndpointSlice", "Endpoints", "ControllerRevision", "ReplicaSet", "Pod"}
)
"""Kinds whose objects come and go by themselves; what owns them is in the inventory."""


class Entry(NamedTuple):
    """One object: its kind with the group, such as ``StatefulSet.apps``, and where it is."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Name it as kubectl does."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Every object of a cluster at one time, cluster-scoped ones included, passing kinds left out."""

    entries: frozenset[Entry]

    def beyond(self, earlier: Self) -> list[str]:
        """Return what is here and was not there, by name."""
        return sorted(str(entry) for entry in self.entries - earlier.entries)


async def take_inventory(client: Client) -> Inventory:
    """List every kind that the API serves and allows to be listed."""
    groups = await _group_versions(client)
    lists = await asyncio.gather(*(_kinds_of(client, path) for path in groups))
    listed = await asyncio.gather(*(_entries(client, path, kind) for kinds in lists for path, kind in kinds))
    return Inventory(entries=frozenset(entry for entries in listed for entry in entries))


async def _group_versions(client: Client) -> list[str]:
    groups = await _get(client, "/apis")
    return ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups["groups"])]


async def _kinds_of(client: Client, path: str) -> list[tuple[str, Object]]:
    served = await _get(client, path)
    return [
        (path, kind)
        for kind in served["resources"]
        if "list" in kind["verbs"] and "delete" in kind["verbs"] and kind["kind"] not in PASSING
    ]


async def _entries(client: Client, path: str, kind: Object) -> list[Entry]:
    group = path.split("/")[2] if path.startswith("/apis/") else ""
    name = f"{kind['kind']}.{group}" if group else str(kind["kind"])
    try:
        found = await _get(client, f"{path}/{kind['name']}")
    except ApiError as error:
        if error.status in {404, 405}:  # the kind went while we looked
            return []
        raise
    return [
        Entry(name, item["metadata"].get("namespace", ""), item["metadata"]["name"])
        for item in found.get("items") or []
    ]


@retry(retry=retry_if_exception_type(TooManyRequestsError), wait=wait_fixed(0.1), stop=stop_after_delay(10))
async def _get(client: Client, path: str) -> Object:
    # A kind that has just come answers "storage is (re)initializing" for a moment.
    answer = await client.request("GET", path)
    if not isinstance(answer, dict):
        raise TypeError(f"GET {path} did not answer with JSON")
    return answer
