"""Take stock of a whole cluster, and say what came and what went."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple, Self

from controller.client import Client
from harness.observe.served import items_of, listable

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
    kinds = [served for served in await listable(client) if served.entry["kind"] not in PASSING]
    listed = await asyncio.gather(*(items_of(client, served) for served in kinds))
    return Inventory(
        entries=frozenset(
            Entry(served.group_kind, item["metadata"].get("namespace", ""), item["metadata"]["name"])
            for served, items in zip(kinds, listed, strict=True)
            for item in items
        )
    )
