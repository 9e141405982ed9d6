"""The charts, the tools, and one cluster with the module's bundle installed as module-manager does it."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from manager_builders import CR_NAMESPACE, NAMESPACE, condition, namespace_object
from manager_watching import Watching

from eventing_manager.act.chart import ChartRenderer
from eventing_manager.api.names import EVENTING, FORCE_ANNOTATION, NATS, SERVERS_LABEL
from kubeloop.client import Client
from kubeloop.errors import NotFoundError
from kubeloop.kinds import CONFIG_MAP, CRD, PVC
from kubeloop.resource import ObjectKey
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.host.paths import cache_dir
from kyma_harness.toolchain.tools import ensure, explicit_tools

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def tools(portal):
    return portal.call(ensure(explicit=explicit_tools(os.environ), cache=cache_dir()))


@pytest.fixture(scope="session")
def helm(tools):
    return str(tools.folder / "helm")


@pytest.fixture(scope="session")
def backend_chart():
    return ROOT / "module-chart"


@pytest.fixture(scope="session")
def module_chart():
    return ROOT / "module" / "chart"


@pytest.fixture(scope="package")
def cluster(portal, tools, module_chart, tmp_path_factory):
    """A cluster in which the manager runs as a pod, under its own ServiceAccount."""
    started = portal.call(
        EmbeddedCluster.start(
            name="manager-tests",
            state=tmp_path_factory.mktemp("cluster") / "state",
            tools=tools,
            rules=[ROOT / "harness/kyma_harness/kyma/rules/nats.yaml", ROOT / "module/rules.yaml"],
            detached=False,
        )
    )
    try:
        portal.call(install(started.kubeconfig, str(tools.folder / "helm"), module_chart))
        yield started
    finally:
        portal.call(started.stop())


async def install(kubeconfig, helm, chart):
    renderer = ChartRenderer(helm=helm, chart=chart, release="eventing", namespace="default")
    async with Client.from_kubeconfig(kubeconfig) as client:
        for name in (NAMESPACE, CR_NAMESPACE):
            await client.create(namespace_object(name))
        await define(client, yaml.safe_load((chart / "crds/eventings.yaml").read_text()))
        for obj in await renderer.render({}):
            await client.create(obj)


async def define(client, crd):
    name = crd["metadata"]["name"]
    async with Watching(client, CRD) as definitions:
        await client.create(crd)
        await definitions.until(
            lambda found: condition(found.get(name, {}), "Established").get("status") == "True"
        )


@pytest.fixture
async def client(cluster):
    """The administrator's client; what a test leaves behind is removed after it."""
    async with Client.from_kubeconfig(cluster.kubeconfig) as opened:
        yield opened
        await clean(opened)


async def clean(client):
    left = await client.list(EVENTING)
    if left.items:
        await delete_all(client, left.items)
    claims = await client.list(PVC, namespace=NAMESPACE, label_selector=SERVERS_LABEL)
    for claim in claims.items:
        with suppress(NotFoundError):
            await client.delete(PVC, claim["metadata"]["name"], namespace=NAMESPACE)
    async with Watching(client, PVC, namespace=NAMESPACE, label_selector=SERVERS_LABEL) as left:
        await left.until(lambda found: not found)
    try:
        await client.delete(CONFIG_MAP, NATS, namespace=NAMESPACE)
    except NotFoundError:
        return


async def delete_all(client, eventings):
    async with Watching(client, EVENTING) as watching:
        for eventing in eventings:
            key = ObjectKey.of(eventing)
            force = {"metadata": {"annotations": {FORCE_ANNOTATION: "true"}}}
            await client.merge_patch(EVENTING, key.name, force, namespace=key.namespace)
            await client.delete(EVENTING, key.name, namespace=key.namespace)
        await watching.until(lambda found: not found)
