"""A manager that is told to deprovision when it is stopped does so; any other leaves all as it is."""

import pytest
from manager_builders import CR_NAMESPACE, NAMESPACE, condition, eventing
from manager_nats import publish
from manager_states import EVERYTHING, inventory, until_ready
from manager_watching import Watching

from eventing_manager.api.names import EVENTING, LEASE_NAME, MANAGER_ACCOUNT
from kubeloop.kinds import DEPLOYMENT, LEASE, POD

MANAGER_PODS = "app.kubernetes.io/name=eventing-manager"


@pytest.fixture
async def eventings(client):
    async with Watching(client, EVENTING, namespace=CR_NAMESPACE) as watching:
        yield watching


async def roll_out(client, *, replicas, arguments):
    """Have so many managers with these arguments, and no other."""
    values = {
        "/spec/template/spec/containers/0/args": ["--leader-elect", *arguments],
        "/spec/template/spec/terminationGracePeriodSeconds": 120,
        "/spec/replicas": replicas,
    }
    patch = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{MANAGER_ACCOUNT}"
    rolled = await client.request("PATCH", path, body=patch, content_type="application/json-patch+json")
    async with Watching(client, DEPLOYMENT, namespace=NAMESPACE) as deployments:
        await deployments.until(lambda found: is_rolled_out(found[MANAGER_ACCOUNT], rolled))
    async with Watching(client, POD, namespace=NAMESPACE, label_selector=MANAGER_PODS) as pods:
        await pods.until(lambda found: len(found) == replicas)
    if replicas:
        async with Watching(client, LEASE, namespace=NAMESPACE) as leases:
            (name,) = pods.objects
            await leases.until(
                lambda found: found.get(LEASE_NAME, {}).get("spec", {}).get("holderIdentity") == name
            )


def is_rolled_out(deployment, rolled):
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    seen = status.get("observedGeneration", 0) >= rolled["metadata"]["generation"]
    return seen and (status.get("updatedReplicas", 0), status.get("readyReplicas", 0)) == (wanted, wanted)


@pytest.fixture
async def stop(client):
    """Stop the manager as it was told to run, and have the usual one back in the end."""

    async def stop(*arguments):
        await roll_out(client, replicas=1, arguments=arguments)
        return lambda: roll_out(client, replicas=0, arguments=arguments)

    yield stop
    await roll_out(client, replicas=1, arguments=())


@pytest.mark.timeout(900)
async def test_one_that_is_told_to_deprovision_leaves_nothing_and_the_next_brings_all_again(
    client, eventings, stop
):
    stopped = await stop("--deprovision-on-shutdown", "--shutdown-timeout=100")
    await client.create(eventing())
    await until_ready(eventings, "nats")

    await stopped()
    left = await client.get(EVENTING, "eventing", CR_NAMESPACE)
    inventory_left = await inventory(client)
    await roll_out(client, replicas=1, arguments=())
    await until_ready(eventings, "nats")

    assert inventory_left == []
    assert "finalizers" not in left["metadata"]
    assert left["status"]["state"] == "Processing"
    assert condition(left, "Ready")["reason"] == "ManagerStopped"
    assert await inventory(client) == EVERYTHING


@pytest.mark.timeout(900)
async def test_one_that_is_told_to_deprovision_keeps_messages_that_nobody_has_received(
    cluster, client, eventings, stop
):
    stopped = await stop("--deprovision-on-shutdown", "--shutdown-timeout=60")
    await client.create(eventing())
    await until_ready(eventings, "nats")
    await publish(cluster, 1)

    await stopped()

    left = await client.get(EVENTING, "eventing", CR_NAMESPACE)
    assert condition(left, "Drained")["reason"] == "UndeliveredMessages"
    assert await inventory(client) == EVERYTHING


async def test_one_that_is_not_told_to_leaves_all_as_it_is(client, eventings, stop):
    stopped = await stop()
    await client.create(eventing())
    await until_ready(eventings, "nats")

    await stopped()

    left = await client.get(EVENTING, "eventing", CR_NAMESPACE)
    assert left["status"]["state"] == "Ready"
    assert await inventory(client) == EVERYTHING
