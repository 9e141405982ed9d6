"""Clients of NATS need a name and a password, which survive whatever the manager goes through."""

import asyncio
import base64
import json
from contextlib import suppress

import pytest
from manager_builders import CR_NAMESPACE, NAMESPACE, condition, eventing
from manager_nats import credentials
from manager_states import until_ready
from manager_watching import PATIENCE, Watching

from eventing_manager.api.names import EVENTING, NATS_SECRET
from kubeloop.kinds import POD, SECRET

REFUSAL = "-ERR 'Authorization Violation'"


@pytest.fixture
async def eventings(client):
    async with Watching(client, EVENTING, namespace=CR_NAMESPACE) as watching:
        yield watching


UNHEARD = {"", "-ERR 'Authentication Timeout'"}


async def answer_to(cluster, **who):
    """Say the first words of a client, and return the server's answer to them.

    The library leaves its socket open when it is turned away. Nobody answers before the Service leads to the
    server, and a server does not wait for long for a name.
    """
    address = await cluster.address_of(NAMESPACE, "eventing-nats", 4222)
    async with asyncio.timeout(PATIENCE):
        while (said := await first_words(address, who)) in UNHEARD:  # noqa: ASYNC110 - there is no watch
            await asyncio.sleep(0.1)
    return said


async def first_words(address, who):
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(*address.split(":"))
        try:
            await reader.readline()
            writer.write(b"CONNECT " + json.dumps({"verbose": False, **who}).encode() + b"\r\nPING\r\n")
            return (await reader.readline()).decode().strip()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    return ""


async def who_may(cluster):
    known = await credentials(cluster)
    return {"user": known["user"], "pass": known["password"]}


async def test_nobody_connects_without_what_the_secret_says(cluster, client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    known = await who_may(cluster)

    assert await answer_to(cluster, **known) == "PONG"
    assert await answer_to(cluster) == REFUSAL
    assert await answer_to(cluster, **{**known, "pass": "wrong"}) == REFUSAL


async def test_a_password_outlives_the_manager_and_every_change_of_the_spec(cluster, client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    before = await credentials(cluster)

    await client.merge_patch(
        EVENTING,
        "eventing",
        {"spec": {"backend": {"nats": {"labels": {"team": "a"}}}}},
        namespace=CR_NAMESPACE,
    )
    await until_ready(eventings, "nats")
    changed = await credentials(cluster)
    (manager,) = (
        await client.list(POD, namespace=NAMESPACE, label_selector="app.kubernetes.io/name=eventing-manager")
    ).items
    async with Watching(client, POD, namespace=NAMESPACE) as pods:
        await client.delete(POD, manager["metadata"]["name"], namespace=NAMESPACE)
        await pods.until(lambda found: manager["metadata"]["name"] not in found)
    await client.merge_patch(
        EVENTING,
        "eventing",
        {"spec": {"backend": {"nats": {"labels": {"team": "b"}}}}},
        namespace=CR_NAMESPACE,
    )
    await until_ready(eventings, "nats")

    assert before == changed == await credentials(cluster)


async def test_a_deleted_secret_comes_back_as_it_was(cluster, client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    before = await client.get(SECRET, NATS_SECRET, NAMESPACE)

    async with Watching(client, SECRET, namespace=NAMESPACE) as found:
        await client.delete(SECRET, NATS_SECRET, namespace=NAMESPACE)
        restored = await found.until(
            lambda secrets: (
                (secret := secrets.get(NATS_SECRET))
                and secret["metadata"]["uid"] != before["metadata"]["uid"]
                and secret
            )
        )

    assert restored["data"] == before["data"]
    assert await answer_to(cluster, **await who_may(cluster)) == "PONG"


async def test_a_password_is_changed_by_editing_the_secret(cluster, client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")

    changed = {"data": {"password": base64.b64encode(b'1"new').decode()}}
    async with Watching(client, POD, namespace=NAMESPACE) as pods:
        old = pods.objects["eventing-nats-0"]["metadata"]["uid"]
        await client.merge_patch(SECRET, NATS_SECRET, changed, namespace=NAMESPACE)
        # The Eventing's generation is the same, so its status may still speak of the old pod.
        await pods.until(
            lambda found: (
                (pod := found.get("eventing-nats-0"))
                and pod["metadata"]["uid"] != old
                and condition(pod, "Ready").get("status") == "True"
            )
        )

    assert await answer_to(cluster, user="eventing", **{"pass": '1"new'}) == "PONG"
