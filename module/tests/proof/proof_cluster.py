"""One embedded cluster with the module's bundle installed, except for the manager itself."""

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from proof_objects import CR_NAMESPACE, NAMESPACE, address_teller, namespace

from eventing_manager.act.chart import ChartRenderer
from kubeloop.client import Client
from kubeloop.kinds import CRD, POD, SERVICE_ACCOUNT
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.wait.claims import exists, has_condition, satisfies
from kyma_harness.wait.waits import Target, wait_for

ROOT = Path(__file__).parents[3]
CHART = ROOT / "module" / "chart"
# The proofs run the manager as a child of their own, which can be killed without anybody backing off.
NOT_INSTALLED = frozenset({"Deployment", "PodDisruptionBudget"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofCluster:
    """The cluster as the proofs use it."""

    client: Client
    kubeconfig: Path
    tools: Path
    monitoring: str
    """``http://host:port`` at which NATS will be asked."""


@asynccontextmanager
async def proof_cluster(folder, tools):
    """Start the cluster, install the bundle, and take everything away at the end."""
    cluster = await EmbeddedCluster.start(
        name=f"proofs-{os.getpid()}",
        state=folder / "state",
        tools=tools,
        rules=[ROOT / "harness/kyma_harness/kyma/rules/nats.yaml", Path(__file__).with_name("rules.yaml")],
        detached=False,
    )
    try:
        async with Client.from_kubeconfig(cluster.kubeconfig, user_agent="proofs") as client:
            await _install(client, str(tools.folder / "helm"))
            yield ProofCluster(
                client=client,
                kubeconfig=cluster.kubeconfig,
                tools=tools.folder,
                monitoring=f"http://{await _monitoring_address(client)}",
            )
    finally:
        await cluster.stop()


async def _install(client, helm):
    for name in (NAMESPACE, CR_NAMESPACE):
        await client.create(namespace(name))
    crd = yaml.safe_load((CHART / "crds/eventings.yaml").read_text())
    await client.create(crd)
    target = Target(kind=CRD, name=crd["metadata"]["name"])
    await wait_for(client, target, has_condition("Established"), what="be established")
    renderer = ChartRenderer(helm=helm, chart=CHART, release="eventing", namespace="default")
    for obj in await renderer.render({}):
        if obj["kind"] not in NOT_INSTALLED:
            await client.create(obj)


async def _monitoring_address(client):
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace="default")
    await wait_for(client, account, exists(), what="exist")
    pod = await client.create(address_teller())
    target = Target(kind=POD, name="address", namespace="default")
    over = satisfies(lambda seen: seen.get("status", {}).get("phase") == "Succeeded", "it has not run")
    await wait_for(client, target, over, what="have run")
    address = await client.request("GET", "/api/v1/namespaces/default/pods/address/log")
    await client.delete(POD, pod["metadata"]["name"], namespace="default")
    return address.strip()
