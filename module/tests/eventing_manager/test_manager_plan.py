"""The plan says what would be done, and nothing of it is done."""

import io

import pytest
import yaml
from manager_builders import CR_NAMESPACE, eventing
from manager_nats import publish
from manager_states import inventory, until_ready
from manager_watching import Watching

from eventing_manager.api.names import EVENTING
from eventing_manager.errors import SettingsError
from eventing_manager.plan import plan_command
from kubeloop.errors import InvalidError, NotFoundError


@pytest.fixture
async def eventings(client):
    async with Watching(client, EVENTING, namespace=CR_NAMESPACE) as watching:
        yield watching


@pytest.fixture
async def plan(cluster, helm, backend_chart, monkeypatch, tmp_path):
    """Run the command, with an Eventing as its file or with arguments, and return its output."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))

    async def run(wanted=None, *arguments):
        if wanted is not None:
            file = tmp_path / "eventing.yaml"
            file.write_text(yaml.safe_dump(wanted))
            arguments = (f"--file={file}", *arguments)
        output = io.StringIO()
        settings = [f"--helm={helm}", f"--chart={backend_chart}"]
        await plan_command([*arguments, *settings], {}, output=output)
        return output.getvalue()

    return run


async def test_a_new_eventing_would_create_everything_and_creates_nothing(client, plan):
    text = await plan(eventing())

    assert text.startswith("Eventing kcp-system/eventing: 6 to create; nothing is done yet")
    assert "create  StatefulSet kyma-system/eventing-nats" in text
    assert await inventory(client) == []
    assert (await client.list(EVENTING)).items == []


async def test_what_is_as_it_should_be_needs_nothing(client, eventings, plan):
    await client.create(eventing())
    await until_ready(eventings, "nats")

    text = await plan(None, "--current=eventing")

    assert "no object would be created, changed or deleted" in text
    assert "PersistentVolumeClaim kyma-system/data-eventing-nats-0 stays" in text


async def test_an_edit_is_shown_field_by_field_with_the_restart_it_costs(client, eventings, plan):
    await client.create(eventing())
    ready = await until_ready(eventings, "nats")

    text = await plan(eventing(labels={"team": "a"}))

    assert "change  StatefulSet kyma-system/eventing-nats" in text
    assert "spec.template.metadata.labels.team: a is added" in text
    assert "the servers of NATS restart one after the other; their messages are kept on volumes" in text
    unchanged = await client.get(EVENTING, "eventing", CR_NAMESPACE)
    assert unchanged["metadata"]["generation"] == ready["metadata"]["generation"]


async def test_a_switch_shows_what_would_go_and_the_messages_it_touches(cluster, client, eventings, plan):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    await publish(cluster, 3)
    before = await inventory(client)
    address = await cluster.address_of("kyma-system", "eventing-nats", 8222)

    text = await plan(eventing(backend="eventmesh"), f"--nats-monitoring-url=http://{address}")

    assert "delete  StatefulSet kyma-system/eventing-nats" in text
    assert "delete  PersistentVolumeClaim kyma-system/data-eventing-nats-0" in text
    assert "NATS stays for now: messages that nobody has received: 3 in stream $G/orders" in text
    assert "the servers of NATS restart, and take in no more messages" in text
    assert await inventory(client) == before


async def test_volumes_of_another_number_of_servers_refuse_nats(client, eventings, plan):
    await client.create(eventing(storage={"reclaimPolicy": "Retain"}))
    await until_ready(eventings, "nats")
    edited = {"spec": {"backend": {"type": "eventmesh"}}}
    await client.merge_patch(EVENTING, "eventing", edited, namespace=CR_NAMESPACE)
    await until_ready(eventings, "eventmesh")

    text = await plan(eventing(replicas=3))

    assert text.startswith("Eventing kcp-system/eventing: 1 to refuse; nothing is done yet")
    assert "PersistentVolumeClaim kyma-system/data-eventing-nats-0: left by a NATS with replicas 1" in text
    assert "data-eventing-nats-0 stays" in text


async def test_an_eventing_that_would_have_to_wait_does_nothing(client, eventings, plan):
    await client.create(eventing(backend="eventmesh"))
    await until_ready(eventings, "eventmesh")

    text = await plan(eventing("second"))

    assert "wait    Eventing kcp-system/eventing is served, and there is one backend only" in text


async def test_what_the_api_server_would_not_take_is_refused(plan):
    with pytest.raises(InvalidError, match="must be 1, 3 or 5"):
        await plan(eventing(replicas=2))


async def test_an_eventing_that_does_not_exist_is_named(plan):
    with pytest.raises(NotFoundError, match="kcp-system/nobody"):
        await plan(None, "--current=nobody")


async def test_a_file_without_an_eventing_is_refused(plan):
    with pytest.raises(SettingsError, match="has 0 Eventings"):
        await plan({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
