"""What an operator sees of a running manager, and sets: its log and its metrics."""

import asyncio
from contextlib import suppress

import aiohttp
import pytest
from manager_builders import CR_NAMESPACE, NAMESPACE, eventing
from manager_states import until_ready
from manager_watching import PATIENCE, Watching

from eventing_manager.api.names import EVENTING
from kubeloop.kinds import POD


@pytest.fixture
async def eventings(client):
    async with Watching(client, EVENTING, namespace=CR_NAMESPACE) as watching:
        yield watching


async def set_level(client, eventings, level):
    """Set the level, and return what the pass on that edit and the one on the next logged."""
    await edit(client, eventings, {"logLevel": level})
    before = len(await log_of(client))
    await edit(client, eventings, {"backend": {"eventmesh": {}}})
    await edit(client, eventings, {"backend": {"eventmesh": None}})
    return (await log_of(client))[before:]


async def edit(client, eventings, spec):
    edited = await client.merge_patch(EVENTING, "eventing", {"spec": spec}, namespace=CR_NAMESPACE)
    await until_ready(eventings, "eventmesh", generation=edited["metadata"]["generation"])


async def log_of(client):
    selector = "app.kubernetes.io/name=eventing-manager"
    (pod,) = (await client.list(POD, namespace=NAMESPACE, label_selector=selector)).items
    name = pod["metadata"]["name"]
    return await client.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log")


async def test_the_log_level_takes_effect_without_a_restart(client, eventings):
    await client.create(eventing(backend="eventmesh"))
    await until_ready(eventings, "eventmesh")

    quiet = await set_level(client, eventings, "error")
    chatty = await set_level(client, eventings, "debug")
    usual = await set_level(client, eventings, "info")

    assert '"level": "info"' not in quiet
    assert '"level": "debug"' in chatty
    assert '"level": "debug"' not in usual
    assert '"message": "reconciling"' in usual


async def test_metrics_tell_what_the_contract_lists(cluster, client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    patch = {"spec": {"backend": {"type": "eventmesh"}}}
    await client.merge_patch(EVENTING, "eventing", patch, namespace=CR_NAMESPACE)
    await until_ready(eventings, "eventmesh")

    address = await cluster.address_of(NAMESPACE, "eventing-controller-manager-metrics", 8080)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    # A pass is counted after the API server has answered it.
    while (missing := await missing_in(f"http://{address}/metrics")) and loop.time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)

    assert missing == []


CONTRACT = (
    'eventing_state{name="eventing",namespace="kcp-system",state="Ready"} 1',
    'controller_runtime_reconcile_total{controller="eventing",result="success"}',
    'controller_runtime_reconcile_time_seconds_count{controller="eventing"}',
    'workqueue_depth{name="eventing"} 0',
    'eventing_manager_writes_total{resource="statefulsets",verb="patch"}',
    'eventing_manager_pruned_objects_total{kind="StatefulSet"}',
    'eventing_manager_pruned_objects_total{kind="PersistentVolumeClaim"}',
    'eventing_manager_switch_duration_seconds_count{from="nats",to="eventmesh"}',
    "# TYPE eventing_blocked_deletion_seconds gauge",
)


async def missing_in(url):
    text = ""
    with suppress(aiohttp.ClientError):  # a pod that is not ready for a moment is not led to
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            text = await response.text()
    return [line for line in CONTRACT if line not in text]
