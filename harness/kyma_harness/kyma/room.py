"""See whether a cluster of somebody else has room for the lifecycle managers and a module."""

from collections.abc import Iterable, Iterator, Sequence

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.kinds import NAMESPACE
from kubeloop.resource import Kind, Object, ObjectKey, describe
from kyma_harness.clusters.errors import ForeignClusterError
from kyma_harness.kube.inventory import Inventory, take_inventory
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.resource_check import definitions_of

SHOWN = 5
"""So many objects are named in a refusal."""
IN_EVERY_NAMESPACE = frozenset({"ConfigMap", "ServiceAccount"})
"""Kinds of which controllers put one of the same name into each namespace."""
DEFAULT_NAMESPACE = "default"


async def check_room(client: Client, module: Module, managers: Sequence[Object]) -> None:
    """Raise ForeignClusterError where something is there that would be overwritten, and removed in the end.

    That is an object of the managers' manifests, a definition of the module's chart, and whatever is in the
    namespace that the module's manager gets. That namespace itself may be there.
    """
    found = [item for item in [*managers, *definitions_of(module)] if await _is_there(client, item)]
    if found:
        raise ForeignClusterError(
            f"the cluster has what would be overwritten: {_few(map(describe, found))}",
            remedy="choose another cluster, or remove that yourself",
        )
    namespace = module.manager.namespace
    inside = list(_of_somebody(await take_inventory(client), namespace))
    if inside:
        raise ForeignClusterError(
            f"namespace {namespace} is for the manager of module {module.short_name}, and somebody else's "
            f"things are in it: {_few(inside)}",
            remedy="choose another cluster, or remove them yourself",
        )


async def _is_there(client: Client, item: Object) -> bool:
    kind, key = Kind.of(item), ObjectKey.of(item)
    if kind == NAMESPACE:
        return False
    try:
        await client.get(kind, key.name, key.namespace or None)
    except (NotFoundError, KindAbsentError):
        return False
    return True


def _of_somebody(inventory: Inventory, namespace: str) -> Iterator[str]:
    """Yield what is in a namespace and not in each: the namespace default tells what is."""
    everywhere = {
        (entry.kind, entry.name)
        for entry in inventory.entries
        if entry.namespace == DEFAULT_NAMESPACE and entry.kind in IN_EVERY_NAMESPACE
    }
    for entry in sorted(inventory.entries):
        if entry.namespace == namespace and (entry.kind, entry.name) not in everywhere:
            yield str(entry)


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(listed[:SHOWN])
    return shown if len(listed) <= SHOWN else f"{shown} and {len(listed) - SHOWN} more"
