"""Take everything away again that was deployed into a cluster that stays."""

from collections.abc import Iterable, Sequence

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA, in_order
from kyma_harness.kyma.makings import Made, Makings
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import ORIGINAL, Quirks
from kyma_harness.kyma.resource_check import kinds_of, remove_forgotten
from kyma_harness.wait.claims import is_gone
from kyma_harness.wait.waits import wait_for


async def undeploy(
    client: Client,
    module: Module,
    managers: Sequence[Object],
    template: Sequence[Object],
    makings: Makings,
    *,
    quirks: Quirks = ORIGINAL,
    within: float = 120,
) -> None:
    """Remove the module and wait, then the Kyma, the template and the managers, and wait until all are gone.

    In this order, because each is taken away by the one after it. What we have not made stays, whatever its
    name. ``within`` is in seconds, for each wait.
    """
    left = {one.uid: one for one in reversed(list(makings))}
    await _remove_module(client, module, makings, quirks, within)
    for group in ([_kyma()], in_order(template), in_order(managers)):
        wanted = {_place(item) for item in group}
        ours = [one for one in left.values() if _place_of(one) in wanted]
        await _delete(client, makings, ours, within)
        for one in ours:
            del left[one.uid]
    await _delete(client, makings, left.values(), within)
    await remove_forgotten(client)


async def _remove_module(
    client: Client, module: Module, makings: Makings, quirks: Quirks, within: float
) -> None:
    try:
        kyma = await client.get(KYMA, DEFAULT_KYMA, KCP_NAMESPACE)
    except (NotFoundError, KindAbsentError):
        return
    if kyma in makings and module.short_name in deploy.modules_of(kyma):
        await deploy.disable_module(client, module.short_name, quirks=quirks)
        await deploy.wait_until_removed(client, module.short_name, kinds=kinds_of(module), within=within)


async def _delete(client: Client, makings: Makings, made: Iterable[Made], within: float) -> None:
    deleted = [target for one in made if (target := await makings.delete(client, one))]
    for target in deleted:
        await wait_for(client, target, is_gone(), what="be gone", within=within)


def _place(item: Object) -> tuple[str, ObjectKey]:
    return Kind.of(item).group_kind, ObjectKey.of(item)


def _place_of(made: Made) -> tuple[str, ObjectKey]:
    return made.target.kind.group_kind, made.target.key


def _kyma() -> Object:
    metadata = {"name": DEFAULT_KYMA, "namespace": KCP_NAMESPACE}
    return {"apiVersion": KYMA.api_version, "kind": KYMA.kind, "metadata": metadata}
