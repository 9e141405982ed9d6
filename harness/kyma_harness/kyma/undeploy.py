"""Take everything away again that was deployed into a cluster that stays."""

from collections.abc import Iterable, Sequence

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.resource import Kind, Object
from kyma_harness.kyma import deploy
from kyma_harness.kyma.documents import in_order
from kyma_harness.kyma.kinds import DEFAULT_KYMA, KCP_NAMESPACE, KYMA
from kyma_harness.kyma.module import Module
from kyma_harness.observe.claims import is_gone
from kyma_harness.observe.waits import Target, wait_for


async def undeploy(
    client: Client,
    module: Module,
    managers: Sequence[Object],
    template: Sequence[Object],
    *,
    within: float = 120,
) -> None:
    """Remove the module and wait, then the Kyma, the template and the managers, and wait until all are gone.

    In this order, because each is taken away by the one after it. ``within`` is in seconds, for each wait.
    """
    await _remove_module(client, module, within)
    await _delete(client, [_kyma()], within)
    await _delete(client, reversed(in_order(template)), within)
    await _delete(client, reversed(in_order(managers)), within)


async def _remove_module(client: Client, module: Module, within: float) -> None:
    try:
        await deploy.disable_module(client, module.short_name)
    except (NotFoundError, KindAbsentError):
        return
    await deploy.wait_until_removed(client, module.short_name, within=within)


async def _delete(client: Client, objects: Iterable[Object], within: float) -> None:
    deleted = [target for item in objects if (target := await _delete_one(client, item))]
    for target in deleted:
        await wait_for(client, target, is_gone(), what="be gone", within=within)


async def _delete_one(client: Client, item: Object) -> Target | None:
    metadata = item["metadata"]
    target = Target(kind=Kind.of(item), name=metadata["name"], namespace=metadata.get("namespace"))
    try:
        await client.delete(target.kind, target.name, namespace=target.namespace)
    except (NotFoundError, KindAbsentError):
        return None
    return target


def _kyma() -> Object:
    metadata = {"name": DEFAULT_KYMA, "namespace": KCP_NAMESPACE}
    return {"apiVersion": KYMA.api_version, "kind": KYMA.kind, "metadata": metadata}
