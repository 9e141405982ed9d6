"""Take stock of a whole cluster, and say what came and what went."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from kubeloop.client import Client
from kyma_harness.kube.served import Unseen, items_of, listable

PASSING = frozenset({"Event", "Lease", "Endpoints"})
"""Kinds whose objects come and go by themselves."""
MADE_BY_OWNERS = frozenset({"Pod", "ReplicaSet", "ControllerRevision", "EndpointSlice"})
"""Kinds whose objects come and go with what owns them; one that nobody owns is in the inventory."""


TEST_LABEL = "kyma-harness.io/test"
"""The label of a namespace that is one test's own."""


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
    private: frozenset[str] = frozenset()
    """The namespaces that are one test's own, which come and go as other tests do."""
    unseen: Unseen = field(default_factory=Unseen)
    """What could not be listed, such as the kinds of an APIService without a server."""

    def beyond(self, earlier: Self) -> list[str]:
        """Return what is here and was not there, by name; what is of one test alone is left out.

        What could be listed then and cannot be now is named as well: there may be anything of it.
        """
        came = (
            str(entry)
            for entry in self.entries - earlier.entries
            if not self._is_private(entry) and not earlier.unseen.has(entry.kind)
        )
        lost = {name: why for name, why in self.unseen.reasons.items() if name not in earlier.unseen.reasons}
        return [*sorted(came), *Unseen(lost).sentences()]

    def inside(self, namespace: str) -> list[str]:
        """Return what is in a namespace, by name."""
        return sorted(str(entry) for entry in self.entries if entry.namespace == namespace)

    def _is_private(self, entry: Entry) -> bool:
        namespace = entry.name if entry.kind == "Namespace" else entry.namespace
        return namespace in self.private


async def take_inventory(client: Client) -> Inventory:
    """List every kind that the API serves and allows to be listed; what cannot be listed is noted."""
    unseen = Unseen()
    kinds = [served for served in await listable(client, unseen) if served.entry["kind"] not in PASSING]
    listed = await asyncio.gather(*(items_of(client, served, unseen) for served in kinds))
    found = [
        (Entry(served.group_kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]), item)
        for served, items in zip(kinds, listed, strict=True)
        for item in items
        if not (served.entry["kind"] in MADE_BY_OWNERS and item["metadata"].get("ownerReferences"))
    ]
    return Inventory(
        unseen=unseen,
        entries=frozenset(entry for entry, _ in found),
        private=frozenset(
            entry.name
            for entry, item in found
            if entry.kind == "Namespace" and TEST_LABEL in item["metadata"].get("labels", {})
        ),
    )
