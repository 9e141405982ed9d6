"""Who belongs to whom."""

import pytest
from observed_objects import LAMP, a_lamp, a_pod, an_object, owned_by

from kubeloop.applyset import PART_OF_LABEL, applyset_id
from kubeloop.resource import ObjectKey
from kyma_harness.wait.relations import Relations, belongings, closure, is_served_by_kubernetes
from kyma_harness.wait.target import Target

KITCHEN = Target(kind=LAMP, name="kitchen", namespace="shop")


def test_what_is_owned_belongs_all_the_way_down():
    deployment = an_object("Deployment", "web")
    replicas = an_object("ReplicaSet", "web-1", ownerReferences=owned_by(deployment))
    pod = a_pod(ownerReferences=owned_by(replicas))
    stranger = a_pod(name="other")

    found = belongings(deployment, [pod, stranger, replicas, deployment])

    assert [one["metadata"]["name"] for one in found] == ["web-1", "web-0"]


def test_members_of_an_apply_set_belong_to_its_parent_with_their_pods():
    lamp = a_lamp()
    stateful = an_object("StatefulSet", "bulb", labels={PART_OF_LABEL: applyset_id(lamp)})
    pod = a_pod(ownerReferences=owned_by(stateful))

    assert belongings(lamp, [pod, stateful]) == [stateful, pod]


def test_parts_are_followed_to_their_own_parts_and_only_once():
    other = Target(kind=LAMP, name="bulb", namespace="shop")
    objects = {KITCHEN: a_lamp(), other: a_lamp()}
    relations = Relations(parts=lambda _: [KITCHEN, other])

    assert closure(KITCHEN, objects.get, relations) == [KITCHEN, other]


@pytest.mark.parametrize(
    ("part", "is_silent"),
    [(None, False), (a_lamp(), True), (a_lamp("Processing"), False)],
    ids=["absent", "without a state", "with a state"],
)
def test_a_part_is_silent_while_it_is_there_without_a_state(part, is_silent):
    relations = Relations(parts=lambda _: [KITCHEN])

    assert relations.has_silent_part(an_object(), {KITCHEN: part}.get) is is_silent


def test_a_finalizer_can_be_told_without_losing_those_known():
    relations = Relations(finalizers={"a": ObjectKey("x", "one")})

    more = relations.with_finalizer("b", ObjectKey("x", "two"))

    assert dict(more.finalizers) == {"a": ObjectKey("x", "one"), "b": ObjectKey("x", "two")}


def test_kubernetes_serves_its_own_finalizers_and_no_others():
    assert is_served_by_kubernetes("kubernetes.io/pvc-protection")
    assert is_served_by_kubernetes("foregroundDeletion")
    assert not is_served_by_kubernetes("example.com/lamp")
