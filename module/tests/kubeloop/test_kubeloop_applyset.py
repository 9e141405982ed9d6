"""A set of objects is applied and pruned by the ApplySet convention, on a real API server."""

from __future__ import annotations

import asyncio

import pytest
from builders import (
    TOOLING,
    a_new_kind,
    a_set,
    config_map,
    custom_object,
    define,
    described,
    reread,
    service,
    stateful_set,
    undefine,
)

from kubeloop.applyset import (
    ID_LABEL,
    KINDS_ANNOTATION,
    NAMESPACES_ANNOTATION,
    PART_OF_LABEL,
    TOOLING_ANNOTATION,
    applyset_id,
)
from kubeloop.client import Client
from kubeloop.errors import ForeignObjectError, NotFoundError, TooManyRequestsError
from kubeloop.kinds import CONFIG_MAP, SERVICE, STATEFUL_SET
from kubeloop.resource import annotations_of, describe, labels_of


def test_the_id_is_the_one_that_kubectl_gives():
    parent = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "test", "namespace": "default"}}

    # kubectl apply --namespace=default --applyset=test --prune, version 1.37.2
    assert applyset_id(parent) == "applyset-6o8HvWRelAdA5AaGpfBxt6jCWO3V6NmDG09EauFK3DQ-v1"


async def test_the_parent_tells_what_the_set_contains_and_members_tell_their_set(
    client, namespace, elsewhere, parent
):
    applyset = a_set(client, parent)

    await applyset.apply([config_map("a", namespace), service("s", elsewhere)])

    after = await reread(client, parent)
    assert labels_of(after)[ID_LABEL] == applyset.id
    assert annotations_of(after) == {
        TOOLING_ANNOTATION: TOOLING,
        KINDS_ANNOTATION: "ConfigMap,Service",
        NAMESPACES_ANNOTATION: elsewhere,
    }
    assert labels_of(await client.get(SERVICE, "s", elsewhere)) == {PART_OF_LABEL: applyset.id}


async def test_pruning_deletes_what_is_no_longer_in_the_set_and_nothing_else(client, namespace, parent):
    applyset = a_set(client, parent)
    kept, dropped, foreign = (config_map(name, namespace) for name in ("kept", "dropped", "foreign"))
    await client.create(foreign)
    await applyset.apply([kept, dropped])

    remaining = await applyset.prune([kept])

    assert remaining == []
    assert described(await applyset.members()) == {f"ConfigMap {namespace}/kept"}
    assert await reread(client, foreign)


async def test_another_process_prunes_what_this_one_applied(
    client, namespace, elsewhere, parent, shared_plane
):
    await a_set(client, parent).apply([config_map("a", namespace), service("s", elsewhere)])

    async with Client.from_kubeconfig(shared_plane.kubeconfig) as restarted:
        await a_set(restarted, parent).prune()

    with pytest.raises(NotFoundError):
        await client.get(SERVICE, "s", elsewhere)


async def test_members_without_a_namespace_are_found_and_pruned(client, parent):
    applyset = a_set(client, parent)
    name = f"applyset-{parent['metadata']['uid']}"
    scope = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": 1,
    }
    await applyset.apply([scope])
    found = await applyset.members()

    remaining = await applyset.prune()

    assert described(found) == {f"PriorityClass {name}"}
    assert remaining == []
    with pytest.raises(NotFoundError):
        await reread(client, scope)


async def test_a_parent_without_a_namespace_has_members_where_it_says_and_nowhere_else(client, elsewhere):
    """To look into all namespaces would find them twice, and takes rights that nobody gave."""
    parent = await client.create(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": elsewhere}}
    )
    applyset = a_set(client, parent)
    await applyset.apply([config_map("a", elsewhere)])

    found = await applyset.members()

    assert [describe(obj) for obj in found] == [f"ConfigMap {elsewhere}/a"]


async def test_a_crash_in_the_middle_of_applying_orphans_nothing(client, elsewhere, parent):
    applyset = a_set(client, parent)
    bad = config_map("Not A Name", elsewhere)
    with pytest.raises(Exception, match="Not A Name"):
        await applyset.apply([config_map("a", elsewhere), bad])

    await a_set(client, parent).prune()

    with pytest.raises(NotFoundError):
        await client.get(CONFIG_MAP, "a", elsewhere)


async def test_kinds_and_namespaces_are_taken_off_the_parent_once_they_are_empty(
    client, namespace, elsewhere, parent
):
    applyset = a_set(client, parent)
    kept = config_map("kept", namespace)
    await applyset.apply([kept, service("s", elsewhere)])

    await applyset.prune([kept])

    annotations = annotations_of(await reread(client, parent))
    assert (annotations[KINDS_ANNOTATION], annotations[NAMESPACES_ANNOTATION]) == ("ConfigMap", "")


async def test_what_a_finalizer_holds_is_reported_and_stays_findable(client, namespace, parent):
    applyset = a_set(client, parent)
    held = service("held", namespace)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await applyset.apply([held])

    remaining = await applyset.prune()

    assert described(remaining) == {f"Service {namespace}/held"}
    assert annotations_of(await reread(client, parent))[KINDS_ANNOTATION] == "Service"

    await client.merge_patch(SERVICE, "held", {"metadata": {"finalizers": None}}, namespace=namespace)
    assert await applyset.prune() == []


async def test_objects_of_a_kind_that_is_not_served_are_left_out(client, namespace, parent):
    applyset = a_set(client, parent)
    lamp = custom_object(a_new_kind(), "lamp", namespace)

    applied = await applyset.apply([config_map("a", namespace), lamp])

    assert (described(applied.objects), applied.absent) == ({f"ConfigMap {namespace}/a"}, [lamp])


async def pruned(applyset, kept) -> bool:
    """Prune; tell whether that is to be done once more, as while the API server does not list the kind."""
    try:
        return bool(await applyset.prune(kept))
    except TooManyRequestsError:
        return True


async def test_a_kind_that_went_is_dropped_from_the_set_without_an_error(client, namespace, parent):
    kind = a_new_kind()
    await define(client, kind)
    applyset = a_set(client, parent)
    kept = config_map("a", namespace)
    await applyset.apply([kept, custom_object(kind, "lamp", namespace)])
    await undefine(client, kind)

    async with asyncio.timeout(120):
        while await pruned(applyset, [kept]):
            pass  # until the API server has let go of it

    assert annotations_of(await reread(client, parent))[KINDS_ANNOTATION] == "ConfigMap"


async def test_an_object_of_someone_else_is_not_taken_over_and_nothing_is_applied(client, namespace, parent):
    foreign = config_map("b", namespace, labels={"app.kubernetes.io/managed-by": "Helm"}, x="theirs")
    await client.create(foreign)

    with pytest.raises(ForeignObjectError, match=f"ConfigMap {namespace}/b exists and belongs to Helm"):
        await a_set(client, parent).apply([config_map("a", namespace), config_map("b", namespace, x="ours")])

    assert (await reread(client, foreign))["data"] == {"x": "theirs"}
    with pytest.raises(NotFoundError):
        await client.get(CONFIG_MAP, "a", namespace)


async def test_an_object_of_another_set_is_not_taken_over(client, namespace, parent):
    other = await client.create(config_map("other-parent", namespace))
    await a_set(client, other).apply([config_map("a", namespace)])

    with pytest.raises(ForeignObjectError, match=applyset_id(other)):
        await a_set(client, parent).apply([config_map("a", namespace)])


async def test_an_adopted_object_has_our_content_and_no_other_after_one_apply(client, namespace, parent):
    await client.create(config_map("a", namespace, x="theirs", y="theirs"))
    await client.apply(config_map("a", namespace, z="theirs"), field_manager="others")
    applyset = a_set(client, parent)

    applied = await applyset.apply([config_map("a", namespace, x="ours")], adopt=lambda _existing: True)

    assert [obj["data"] for obj in applied.objects] == [{"x": "ours"}]
    assert [obj["data"] for obj in await applyset.members()] == [{"x": "ours"}]


async def test_an_adopted_object_need_not_hold_both_contents_for_a_moment(client, namespace, parent):
    """Two ports of one name would be refused."""
    theirs, ours = service("s", namespace), service("s", namespace)
    theirs["spec"]["ports"] = [{"name": "http", "port": 8080}]
    ours["spec"]["ports"] = [{"name": "http", "port": 80}]
    await client.create(theirs)

    await a_set(client, parent).apply([ours], adopt=lambda _existing: True)

    after = await reread(client, ours)
    assert [(port["name"], port["port"]) for port in after["spec"]["ports"]] == [("http", 80)]


async def test_labels_and_annotations_of_an_adopted_object_stay(client, namespace, parent):
    theirs = config_map("a", namespace, labels={"theirs": "stays"})
    theirs["metadata"]["annotations"] = {"note": "stays"}
    await client.create(theirs)
    applyset = a_set(client, parent)

    await applyset.apply([config_map("a", namespace)], adopt=lambda _existing: True)

    after = await reread(client, theirs)
    assert labels_of(after) == {"theirs": "stays", PART_OF_LABEL: applyset.id}
    assert annotations_of(after) == {"note": "stays"}


async def test_a_member_whose_label_someone_took_off_is_still_ours(client, namespace, parent):
    applyset = a_set(client, parent)
    await applyset.apply([config_map("a", namespace)])
    unlabelled = {"metadata": {"labels": {PART_OF_LABEL: None}}}
    await client.merge_patch(CONFIG_MAP, "a", unlabelled, namespace=namespace)

    await applyset.apply([config_map("a", namespace)])

    assert described(await applyset.members()) == {f"ConfigMap {namespace}/a"}


async def test_a_set_that_another_tool_keeps_is_left_alone(client, namespace, parent):
    tooling = {"metadata": {"annotations": {TOOLING_ANNOTATION: "kubectl/v1.37.2"}}}
    await client.merge_patch(CONFIG_MAP, "parent", tooling, namespace=namespace)

    with pytest.raises(ForeignObjectError, match="belongs to kubectl"):
        await a_set(client, parent).prune()


async def test_applying_the_same_again_writes_nothing(client, namespace, parent):
    applyset = a_set(client, parent)
    await applyset.apply([config_map("a", namespace, x="1")])
    before = [await reread(client, obj) for obj in (parent, config_map("a", namespace))]

    await applyset.apply([config_map("a", namespace, x="1")])
    await applyset.prune([config_map("a", namespace)])

    assert [await reread(client, obj) for obj in before] == before


async def test_drift_is_put_right_whoever_caused_it(client, namespace, parent):
    applyset = a_set(client, parent)
    await applyset.apply([config_map("a", namespace, x="ours")])
    await client.apply(config_map("a", namespace, x="theirs"), field_manager="someone", force=True)

    await applyset.apply([config_map("a", namespace, x="ours")])

    assert (await client.get(CONFIG_MAP, "a", namespace))["data"] == {"x": "ours"}


async def test_pods_that_somebody_restarts_are_not_restarted_back(client, namespace, parent):
    applyset = a_set(client, parent)
    await applyset.apply([stateful_set("s", namespace)])
    restart = {"kubectl.kubernetes.io/restartedAt": "2022-12-05T12:00:00Z"}
    template = {"metadata": {"annotations": restart, "labels": {"added": "by-hand"}}}
    await client.merge_patch(STATEFUL_SET, "s", {"spec": {"template": template}}, namespace=namespace)

    await applyset.apply([stateful_set("s", namespace)])

    after = (await client.get(STATEFUL_SET, "s", namespace))["spec"]["template"]["metadata"]
    assert (after["annotations"], after["labels"]) == (restart, {"app": "s"})
