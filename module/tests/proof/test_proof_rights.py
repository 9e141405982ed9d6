"""The manager has the rights it needs, and none that it does not use."""

import pytest
import pytest_asyncio
from proof_cluster import CHART
from proof_objects import CR_NAMESPACE, EVENTING, NAME, NAMESPACE, definition, eventing, secret
from proof_phases import PHASES, REMOVAL
from proof_rights import grants_of, uses_of
from proof_state import PATIENCE

from eventing_manager.act.chart import ChartRenderer
from kubeloop.kinds import CRD, PVC, SECRET
from kyma_harness.faults.plan import Calm
from kyma_harness.wait.claims import exists, has_condition, is_gone
from kyma_harness.wait.waits import Target, wait_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOST_SERVERS = 5
EVENTMESH_SECRET = "eventing-backend"
OF_OTHERS = (
    definition("networking.istio.io", "v1beta1", "DestinationRule"),
    definition("monitoring.coreos.com", "v1", "ServiceMonitor"),
)


@pytest.fixture
async def grants(cluster):
    renderer = ChartRenderer(
        helm=str(cluster.tools / "helm"), chart=CHART, release="eventing", namespace="default"
    )
    return list(grants_of(await renderer.render({})))


@pytest_asyncio.fixture(loop_scope="session")
async def what_others_install(cluster):
    """Everything the backend makes use of where it is there; gone again after the test."""
    client = cluster.client
    for obj in OF_OTHERS:
        await client.create(obj)
        target = Target(kind=CRD, name=obj["metadata"]["name"])
        await wait_for(client, target, has_condition("Established"), what="be established", within=PATIENCE)
    await client.create(secret(EVENTMESH_SECRET))
    yield
    await client.delete(SECRET, EVENTMESH_SECRET, namespace=NAMESPACE)
    for obj in OF_OTHERS:
        target = Target(kind=CRD, name=obj["metadata"]["name"])
        await client.delete(CRD, target.name)
        await wait_for(client, target, is_gone(), what="be gone", within=PATIENCE)


async def go_through_all_phases(rig):
    for phase in PHASES:
        await rig.take(phase, Calm())


async def ask_for_as_many_servers_as_there_may_be(rig):
    """Provision and remove a NATS of five servers, which on a process node never becomes a cluster."""
    await rig.client.create(eventing(replicas=MOST_SERVERS, onUndelivered="Discard"))
    last = Target(kind=PVC, name=f"data-eventing-nats-{MOST_SERVERS - 1}", namespace=NAMESPACE)
    await wait_for(rig.client, last, exists(), what="exist", within=PATIENCE)
    await rig.take(REMOVAL, Calm())


async def name_a_secret(rig):
    reference = {"name": EVENTMESH_SECRET, "namespace": NAMESPACE}
    spec = {"backend": {"type": "eventmesh", "eventmesh": {"secretRef": reference}}}
    await rig.client.create(eventing() | {"spec": spec})
    target = Target(kind=EVENTING, name=NAME, namespace=CR_NAMESPACE)
    await wait_for(
        rig.client,
        target,
        has_condition("DependenciesSatisfied", "False"),
        what="miss a key",
        within=PATIENCE,
    )
    await rig.take(REMOVAL, Calm())


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("what_others_install")
async def test_no_right_is_missing_and_none_is_unused(grants, rig, say):
    await go_through_all_phases(rig)
    await ask_for_as_many_servers_as_there_may_be(rig)
    if any(grant.resource == "secrets" for grant in grants):
        await name_a_secret(rig)

    entries = rig.proxy.record.entries
    used = set(uses_of(entries))
    say("rights, calls", (len(grants), len(entries)))
    assert sorted({str(entry) for entry in entries if entry.status in {401, 403}}) == []
    assert sorted(str(grant) for grant in grants if not any(grant.covers(use) for use in used)) == []
