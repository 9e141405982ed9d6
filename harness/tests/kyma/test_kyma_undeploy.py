"""What was deployed into a cluster that stays is taken away again."""

import asyncio
from contextlib import suppress

import pytest
from lamp import LAMP, NAME, LampKyma, write_lamp
from namespaces import until_namespaces_are_complete
from stored import StoredCluster, an_object

from kubeloop.client import Client
from kubeloop.kinds import NAMESPACE
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.kube.inventory import take_inventory
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.kyma.makings import Makings
from kyma_harness.kyma.pair import builtin_pair
from kyma_harness.kyma.undeploy import undeploy
from kyma_harness.oci.template import template, template_objects
from kyma_harness.wait.claims import is_gone
from kyma_harness.wait.waits import Target, wait_for


@pytest.fixture(scope="module")
def managers(portal):
    return portal.call(builtin_pair("asked for"))


@pytest.fixture(scope="module")
def cluster(managers, tools, portal, tmp_path_factory):
    """A cluster that is each time found as it was left: that is what the tests are about."""
    running = portal.call(
        EmbeddedCluster.start(
            name="undeploy",
            state=tmp_path_factory.mktemp("undeploy") / "state",
            tools=tools,
            rules=managers.rules,
            placeholders=managers.placeholders,
            detached=False,
        )
    )
    yield running
    portal.call(running.stop())


@pytest.mark.parametrize("is_there_before", [False, True], ids=["empty", "with their namespace"])
async def test_a_kyma_with_a_module_in_it_leaves_a_cluster_as_it_was(
    cluster, managers, tmp_path, is_there_before
):
    module, makings = write_lamp(tmp_path / "lamp"), Makings()
    async with Client.from_kubeconfig(cluster.kubeconfig) as client:
        if is_there_before:
            await client.create(an_object("Namespace", "lamps"))
            await client.create(an_object("ConfigMap", "theirs", "lamps"))
        before = await settled_inventory(client)
        await deploy.deploy_managers(client, managers, makings=makings)
        await deploy.grant_rights(client)
        lamp = LampKyma(client=client, registry=cluster.registry, module=module)
        bundle = await lamp.push(module)
        await deploy.apply_template(client, template(bundle, f"{cluster.registry}/unsigned"), makings=makings)
        await deploy.ensure_kyma(client, makings=makings)
        await deploy.enable_module(client, "lamp")
        await lamp.shine()
        assert await client.get(LAMP, NAME, KCP_NAMESPACE)

        await undeploy(client, module, managers.objects, template_objects(bundle, "registry"), makings)

        # An APIService goes some time after its definition.
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while (await take_inventory(client)).beyond(before):  # noqa: ASYNC110 - there is no watch of all
                    await asyncio.sleep(0.1)
        after = await take_inventory(client)
        assert (after.beyond(before), before.beyond(after)) == ([], [])
        if is_there_before:
            await client.delete(NAMESPACE, "lamps")
            await wait_for(client, Target(kind=NAMESPACE, name="lamps"), is_gone(), what="be gone")


async def settled_inventory(client):
    """Return what there is when nothing comes any more: controllers publish what every cluster has, too."""
    await until_namespaces_are_complete(client)
    async with asyncio.timeout(150):
        while True:
            earlier = await take_inventory(client)
            await asyncio.sleep(3)
            if not (later := await take_inventory(client)).beyond(earlier):
                return later


async def test_where_nothing_was_deployed_nothing_is_the_matter(managers, tmp_path):
    cluster = StoredCluster(an_object("Namespace", "default"))

    await undeploy(cluster, write_lamp(tmp_path / "lamp"), managers.objects, [], Makings())

    assert cluster.names() == ["Namespace default"]
