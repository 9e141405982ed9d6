"""The manager in a cluster: up, switched, repaired, removed, killed."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from manager_builders import CR_NAMESPACE, NAMESPACE, condition, eventing
from manager_nats import publish, receive_all, refusals_of_publishing
from manager_states import EVERYTHING, inventory, until_ready
from manager_watching import Watching

from eventing_manager.act.chart import ChartRenderer
from eventing_manager.api.names import ADOPT_ANNOTATION, EVENTING, FINALIZER, FORCE_ANNOTATION
from kubeloop.kinds import (
    CONFIG_MAP,
    EVENT,
    POD,
    PVC,
    SERVICE,
    STATEFUL_SET,
)
from kubeloop.resource import Kind


@pytest.fixture
async def eventings(client):
    async with Watching(client, EVENTING, namespace=CR_NAMESPACE) as watching:
        yield watching


async def switch(client, backend, **settings):
    patch = {"spec": {"backend": {"type": backend, **settings}}}
    await client.merge_patch(EVENTING, "eventing", patch, namespace=CR_NAMESPACE)


async def test_nats_comes_up_and_the_status_says_so_from_the_first_moment(client, eventings):
    await client.create(eventing())

    ready = await until_ready(eventings, "nats")

    states = [seen["status"]["state"] for seen in eventings.history if seen and "status" in seen]
    assert states[0] == "Processing"
    assert ready["metadata"]["finalizers"] == [FINALIZER]
    assert condition(ready, "Provisioned")["status"] == "True"
    assert await inventory(client) == EVERYTHING


async def test_the_first_status_is_written_before_anything_else(client, eventings):
    await client.create(eventing())

    await eventings.until(lambda found: found["eventing"].get("status") if found else None)

    first = next(seen for seen in eventings.history if "status" in seen)
    assert "finalizers" not in first["metadata"]
    assert "annotations" not in first["metadata"]


async def test_a_switch_to_eventmesh_leaves_nothing_of_nats_and_one_back_brings_it_again(client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")

    await switch(client, "eventmesh")
    await until_ready(eventings, "eventmesh")
    without = await inventory(client)
    await switch(client, "nats")
    await until_ready(eventings, "nats")

    assert without == []
    assert await inventory(client) == EVERYTHING


async def test_a_retained_volume_outlives_the_switch_and_is_taken_up_again(client, eventings):
    await client.create(eventing(storage={"reclaimPolicy": "Retain"}))
    await until_ready(eventings, "nats")
    claim = await client.get(PVC, "data-eventing-nats-0", NAMESPACE)

    # The settings go with the backend: what they said about the volumes still counts.
    await switch(client, "eventmesh", nats=None)
    switched = await until_ready(eventings, "eventmesh")
    left = await inventory(client)
    await switch(client, "nats")
    await until_ready(eventings, "nats")

    again = await client.get(PVC, "data-eventing-nats-0", NAMESPACE)
    assert left == ["PersistentVolumeClaim/data-eventing-nats-0"]
    assert "data-eventing-nats-0" in condition(switched, "Deprovisioned")["message"]
    assert again["metadata"]["uid"] == claim["metadata"]["uid"]


async def test_a_retained_volume_is_not_given_to_another_number_of_servers(cluster, client, eventings):
    await client.create(eventing(storage={"reclaimPolicy": "Retain"}))
    await until_ready(eventings, "nats")
    await publish(cluster, 2)
    await switch(client, "eventmesh", nats={"onUndelivered": "Discard", "replicas": 3})
    await until_ready(eventings, "eventmesh")

    await switch(client, "nats")
    refused = await until_warning(eventings, reason="VolumesUnfit")
    while_refused = await inventory(client)
    await switch(client, "eventmesh", nats={"replicas": 1})
    await until_ready(eventings, "eventmesh")
    await switch(client, "nats")
    await until_ready(eventings, "nats")

    assert condition(refused, "Ready")["reason"] == "VolumesUnfit"
    assert "spec.backend.nats.replicas 1" in condition(refused, "Ready")["message"]
    assert while_refused == ["PersistentVolumeClaim/data-eventing-nats-0"]
    assert await receive_all(cluster) == 2


async def test_another_number_of_servers_has_to_wait_until_those_there_are_gone(cluster, client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    await publish(cluster, 2)
    await switch(client, "eventmesh", nats={"replicas": 3})
    await until_blocked(eventings)

    await switch(client, "nats")
    refused = await until_warning(eventings, reason="VolumesUnfit")
    statefulset = await client.get(STATEFUL_SET, "eventing-nats", NAMESPACE)
    await switch(client, "eventmesh")
    await until_blocked(eventings)
    received = await receive_all(cluster)
    await until_ready(eventings, "eventmesh")

    assert condition(refused, "Ready")["reason"] == "VolumesUnfit"
    assert statefulset["spec"]["replicas"] == 1
    assert received == 2


async def test_the_volume_of_a_nats_of_others_is_left_alone(client, eventings):
    # As the chart of NATS makes it, by a release of the same name.
    labels = {"app.kubernetes.io/name": "nats", "app.kubernetes.io/instance": "eventing"}
    foreign = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "eventing-nats-js-eventing-nats-0", "namespace": NAMESPACE, "labels": labels},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    created = await client.create(foreign)
    await client.create(eventing())
    await until_ready(eventings, "nats")

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    await eventings.until(lambda found: not found)
    left = await client.get(PVC, created["metadata"]["name"], NAMESPACE)
    async with Watching(client, PVC, namespace=NAMESPACE) as claims:
        await client.delete(PVC, created["metadata"]["name"], namespace=NAMESPACE)
        await claims.until(lambda found: created["metadata"]["name"] not in found)

    assert left["metadata"]["uid"] == created["metadata"]["uid"]
    assert "deletionTimestamp" not in left["metadata"]


async def test_a_switch_waits_while_messages_are_undelivered_and_goes_on_when_they_may_be_lost(
    cluster, client, eventings
):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    await publish(cluster, 2)

    await switch(client, "eventmesh")
    blocked = await until_blocked(eventings)
    while_blocked = await inventory(client)
    await switch(client, "eventmesh", nats={"onUndelivered": "Discard"})
    await until_ready(eventings, "eventmesh")

    assert blocked["status"]["state"] == "Processing"
    assert "2 in stream $G/orders" in condition(blocked, "Drained")["message"]
    assert while_blocked == EVERYTHING
    assert await inventory(client) == []


async def test_a_nats_that_drains_takes_in_nothing_more_and_goes_when_the_rest_is_received(
    cluster, client, eventings
):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    await publish(cluster, 2)
    await switch(client, "eventmesh")
    await until_blocked(eventings)

    refusal = await refusals_of_publishing(cluster)
    received = await receive_all(cluster)
    await until_ready(eventings, "eventmesh")

    assert "permissions violation for publish" in refusal
    assert received == 2
    assert await inventory(client) == []


async def test_a_switch_that_is_taken_back_while_nats_drains_lets_it_take_in_messages_again(
    cluster, client, eventings
):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    await publish(cluster, 1)
    await switch(client, "eventmesh")
    await until_blocked(eventings)

    await switch(client, "nats")
    await until_ready(eventings, "nats")

    await publish(cluster, 2)
    assert await receive_all(cluster) == 3


async def until_blocked(eventings):
    return await eventings.until(
        lambda found: (
            condition(found["eventing"], "Drained").get("reason") == "UndeliveredMessages"
            and found["eventing"]
        )
    )


@pytest.mark.parametrize(
    ("kind", "patch", "is_restored"),
    [
        (
            SERVICE,
            {"spec": {"ports": [{"name": "tcp-client", "port": 4333}]}},
            lambda obj: len(obj["spec"]["ports"]) == 2,
        ),
        (STATEFUL_SET, {"spec": {"replicas": 0}}, lambda obj: obj["spec"]["replicas"] == 1),
        (STATEFUL_SET, None, lambda obj: obj["spec"]["template"]["metadata"]["labels"]["team"] == "a"),
    ],
    ids=["ports", "scaled to nothing", "deleted"],
)
async def test_what_messages_hold_back_is_kept_as_it_was_provisioned(  # noqa: PLR0917 - fixtures and parameters
    cluster, client, eventings, kind, patch, is_restored
):
    await client.create(eventing(labels={"team": "a"}))
    await until_ready(eventings, "nats")
    await publish(cluster, 1)
    # What the spec said about nats goes in the very edit.
    await switch(client, "eventmesh", nats=None)
    await until_blocked(eventings)

    old = await client.get(kind, "eventing-nats", NAMESPACE)
    async with Watching(client, kind, namespace=NAMESPACE) as objects:
        if patch:
            old = await client.merge_patch(kind, "eventing-nats", patch, namespace=NAMESPACE)
        else:
            await client.delete(kind, "eventing-nats", namespace=NAMESPACE)
        await objects.until(
            lambda found: (
                (obj := found.get("eventing-nats"))
                and int(obj["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])
                and not obj["metadata"].get("deletionTimestamp")
                and is_restored(obj)
            )
        )

    # It can be asked again, and the message is still there.
    await until_blocked(eventings)
    assert (await client.get(PVC, "data-eventing-nats-0", NAMESPACE))["spec"]["volumeName"]


async def test_a_removal_that_waits_for_messages_can_be_forced_and_an_event_records_it(
    cluster, client, eventings
):
    await client.create(eventing())
    created = await until_ready(eventings, "nats")
    await publish(cluster, 1)

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    await eventings.until(
        lambda found: condition(found["eventing"], "Drained").get("reason") == "UndeliveredMessages"
    )
    force = {"metadata": {"annotations": {FORCE_ANNOTATION: "true"}}}
    await client.merge_patch(EVENTING, "eventing", force, namespace=CR_NAMESPACE)
    await eventings.until(lambda found: not found)

    about = f"involvedObject.uid={created['metadata']['uid']}"
    recorded = await client.list(EVENT, namespace=CR_NAMESPACE, field_selector=about)
    assert await inventory(client) == []
    assert {"UndeliveredMessages", "Forced"} <= {event["reason"] for event in recorded.items}


async def test_messages_that_were_given_up_stay_on_record_after_the_switch(cluster, client, eventings):
    await client.create(eventing(storage={"reclaimPolicy": "Retain"}))
    await until_ready(eventings, "nats")
    await publish(cluster, 1)
    force = {"metadata": {"annotations": {FORCE_ANNOTATION: "true"}}}
    await client.merge_patch(EVENTING, "eventing", force, namespace=CR_NAMESPACE)

    await switch(client, "eventmesh")
    await until_ready(eventings, "eventmesh")
    await client.merge_patch(EVENTING, "eventing", {"spec": {"logLevel": "debug"}}, namespace=CR_NAMESPACE)
    switched = await until_ready(eventings, "eventmesh")

    about = f"involvedObject.uid={switched['metadata']['uid']}"
    recorded = await client.list(EVENT, namespace=CR_NAMESPACE, field_selector=about)
    reasons = [event["reason"] for event in recorded.items]
    assert condition(switched, "Drained")["reason"] == "Forced"
    assert reasons.count("Forced") == 1
    assert "NothingHeld" not in reasons


async def test_deletion_takes_everything_with_it(client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    await eventings.until(lambda found: not found)

    assert await inventory(client) == []


async def test_settings_that_the_api_server_refuses_do_not_hold_up_a_removal(client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    more_than_allowed = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
    await switch(client, "nats", nats={"resources": more_than_allowed})
    await eventings.until(lambda found: condition(found["eventing"], "Ready")["reason"] == "ApiRefused")

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)

    await eventings.until(lambda found: "eventing" not in found)
    assert await inventory(client) == []


async def test_deletion_right_after_creation_leaves_nothing_behind(client, eventings):
    await client.create(eventing())
    await eventings.until(lambda found: found["eventing"]["metadata"].get("finalizers") if found else None)

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    await eventings.until(lambda found: not found)

    assert await inventory(client) == []


async def test_a_deleted_object_is_restored(client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    old = await client.get(CONFIG_MAP, "eventing-nats", NAMESPACE)

    async with Watching(client, CONFIG_MAP, namespace=NAMESPACE) as config_maps:
        await client.delete(CONFIG_MAP, "eventing-nats", namespace=NAMESPACE)
        restored = await config_maps.until(
            lambda found: (
                (new := found.get("eventing-nats"))
                and new["metadata"]["uid"] != old["metadata"]["uid"]
                and new
            )
        )

    assert restored["data"] == old["data"]


@pytest.mark.parametrize(
    ("kind", "patch", "is_restored"),
    [
        (
            CONFIG_MAP,
            {"data": {"nats.conf": "port: 1", "stray": "key"}},
            lambda obj: obj["data"].keys() == {"nats.conf"} and "jetstream" in obj["data"]["nats.conf"],
        ),
        (
            SERVICE,
            {"spec": {"ports": [{"name": "tcp-client", "port": 4333}]}},
            lambda obj: [port["port"] for port in obj["spec"]["ports"]] == [4222, 8222],
        ),
        (
            STATEFUL_SET,
            {"spec": {"replicas": 0, "template": {"spec": {"terminationGracePeriodSeconds": 5}}}},
            lambda obj: (
                obj["spec"]["replicas"] == 1
                and obj["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30
            ),
        ),
        (
            SERVICE,
            {"metadata": {"labels": {"applyset.kubernetes.io/part-of": None}}},
            lambda obj: "applyset.kubernetes.io/part-of" in obj["metadata"]["labels"],
        ),
    ],
    ids=["configuration", "ports", "pods", "label"],
)
async def test_an_edited_object_is_restored(client, eventings, kind, patch, is_restored):
    await client.create(eventing())
    await until_ready(eventings, "nats")

    async with Watching(client, kind, namespace=NAMESPACE) as objects:
        edited = await client.merge_patch(kind, "eventing-nats", patch, namespace=NAMESPACE)
        await objects.until(
            lambda found: (
                (obj := found.get("eventing-nats"))
                and int(obj["metadata"]["resourceVersion"]) > int(edited["metadata"]["resourceVersion"])
                and is_restored(obj)
            )
        )

    await until_ready(eventings, "nats")


async def test_a_second_eventing_waits_for_the_first_and_then_takes_over(client, eventings):
    await client.create(eventing(backend="eventmesh"))
    await until_ready(eventings, "eventmesh")

    await client.create(eventing("second", backend="eventmesh"))
    waiting = await eventings.until(
        lambda found: found.get("second", {}).get("status", {}).get("state") == "Warning" and found["second"]
    )
    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    served = await until_ready(eventings, "eventmesh", name="second")

    assert "kcp-system/eventing" in condition(waiting, "Ready")["message"]
    assert "finalizers" not in waiting["metadata"]
    assert served["metadata"]["finalizers"] == [FINALIZER]


async def test_an_eventing_that_waits_is_deleted_as_if_there_were_no_manager(client, eventings):
    await client.create(eventing(backend="eventmesh"))
    await until_ready(eventings, "eventmesh")
    await client.create(eventing("second"))
    await until_warning(eventings, "second")

    await client.delete(EVENTING, "second", namespace=CR_NAMESPACE)
    await eventings.until(lambda found: "second" not in found)

    await until_ready(eventings, "eventmesh")
    assert await inventory(client) == []


async def until_warning(eventings, name="eventing", *, reason=None):
    """Wait for the state Warning, for one reason where there may be others: JetStream may be slow."""

    def warns(found):
        seen = found.get(name, {})
        is_so = reason is None or condition(seen, "Ready").get("reason") == reason
        return is_so and seen.get("status", {}).get("state") == "Warning" and seen

    return await eventings.until(warns)


FOREIGN = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "eventing-nats", "namespace": NAMESPACE},
    "data": {"mine": "yes"},
}


async def test_a_foreign_object_is_left_alone_and_named(client, eventings):
    await client.create(FOREIGN)

    await client.create(eventing())
    refused = await until_warning(eventings, reason="ForeignObject")
    untouched = await client.get(CONFIG_MAP, "eventing-nats", NAMESPACE)
    await client.delete(CONFIG_MAP, "eventing-nats", namespace=NAMESPACE)
    await until_ready(eventings, "nats")

    assert condition(refused, "Ready")["reason"] == "ForeignObject"
    assert "ConfigMap kyma-system/eventing-nats" in condition(refused, "Ready")["message"]
    assert untouched["data"] == {"mine": "yes"}


async def test_a_foreign_object_is_taken_over_where_its_owner_allows_that(client, eventings):
    await client.create(FOREIGN)
    await client.create(eventing())
    await until_warning(eventings)

    consent = {"metadata": {"annotations": {ADOPT_ANNOTATION: "true"}}}
    await client.merge_patch(CONFIG_MAP, "eventing-nats", consent, namespace=NAMESPACE)
    await until_ready(eventings, "nats")

    adopted = await client.get(CONFIG_MAP, "eventing-nats", NAMESPACE)
    assert adopted["data"].keys() == {"nats.conf"}


async def test_a_label_that_is_taken_off_the_eventing_is_taken_off_the_pods(client, eventings):
    await client.create(eventing(labels={"team": "a", "owner": "b"}))
    await until_ready(eventings, "nats")
    async with Watching(client, POD, namespace=NAMESPACE) as pods:
        labelled = pods.objects["eventing-nats-0"]["metadata"]["labels"]
        await switch(client, "nats", nats={"labels": {"team": None}})
        left = await pods.until(
            lambda found: (
                (pod := found.get("eventing-nats-0"))
                and "team" not in pod["metadata"]["labels"]
                and pod["metadata"]["labels"]
            )
        )
    await until_ready(eventings, "nats")

    assert {"team", "owner"} <= labelled.keys()
    assert left["owner"] == "b"


async def test_a_nats_that_cannot_be_asked_keeps_its_volume_until_it_can(cluster, client, eventings):
    await client.create(eventing())
    await until_ready(eventings, "nats")
    (nats,) = pids_in_pod(cluster, b"eventing-nats-0")
    os.kill(nats, signal.SIGSTOP)

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    silent = await until_warning(eventings)
    while_silent = await inventory(client)
    with suppress(ProcessLookupError):  # its probe may have ended it by now
        os.kill(nats, signal.SIGCONT)
    await eventings.until(lambda found: not found)

    assert condition(silent, "Drained")["reason"] == "JetStreamSilent"
    assert FORCE_ANNOTATION in condition(silent, "Ready")["message"]
    assert while_silent == EVERYTHING
    assert await inventory(client) == []


async def test_a_manager_that_is_killed_while_it_removes_ends_the_removal_when_it_is_back(
    cluster, client, eventings
):
    await client.create(eventing())
    await until_ready(eventings, "nats")

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    await eventings.until(
        lambda found: not found or found["eventing"].get("status", {}).get("state") == "Deleting"
    )
    kill_the_manager(cluster)
    await eventings.until(lambda found: not found)

    assert await inventory(client) == []


async def test_a_manager_that_is_killed_while_it_installs_ends_that_when_it_is_back(
    cluster, client, eventings
):
    await client.create(eventing())
    await eventings.until(
        lambda found: found and found["eventing"].get("status", {}).get("state") == "Processing"
    )

    kill_the_manager(cluster)
    await until_ready(eventings, "nats")

    assert await inventory(client) == EVERYTHING


def kill_the_manager(cluster):
    """Send SIGKILL to the manager of this cluster, and of no other on this machine."""
    pids = pids_in_pod(cluster, b"eventing-controller-manager")
    killed = []
    for pid in pids:
        with suppress(ProcessLookupError):  # what it had started goes with it
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
    assert killed


def pids_in_pod(cluster, name):
    environs = Path("/proc").glob("[0-9]*/environ")
    return [int(path.parent.name) for path in environs if is_in_pod(cluster, path, name)]


def is_in_pod(cluster, environ, name):
    try:
        variables = environ.read_bytes().split(b"\0")
    except OSError:
        return False
    of_pod = any(variable.startswith(b"POD_NAME=" + name) for variable in variables)
    return of_pod and any(f"{cluster.state}/".encode() in variable for variable in variables)


async def test_an_installed_chart_applied_again_changes_nothing(client, helm, backend_chart):
    renderer = ChartRenderer(helm=helm, chart=backend_chart, release="again", namespace="default")
    objects = await renderer.render(
        {"nats": {"enabled": True, "replicas": 3, "auth": {"user": "u", "password": "p"}}}
    )
    once = [await client.apply(obj, field_manager="test") for obj in objects]

    twice = [await client.apply(obj, field_manager="test") for obj in objects]

    for obj in objects:
        await client.delete(Kind.of(obj), obj["metadata"]["name"], namespace="default")
    # The controllers write the status of some of them in between.
    assert [contents(obj) for obj in twice] == [contents(obj) for obj in once]


def contents(obj):
    return obj["metadata"].get("generation"), obj.get("spec"), obj.get("data")
