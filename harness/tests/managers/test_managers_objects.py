"""An object of a chart is created, and repaired later: as by helm, without owning any field of it."""

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kubeloop.client import Client
from kubeloop.kinds import CONFIG_MAP, CRD, DEPLOYMENT
from kubeloop.resource import Kind, Object
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.kyma.installation import Settings
from kyma_harness.managers.module_manager.charts import Install
from kyma_harness.managers.module_manager.objects import ObjectError, Objects, repair_of

INSTALL = Install(
    name="lamp", chart=Path("/nowhere"), settings=Settings(client_config={}, overrides="", values={})
)


def a_config_map(**fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "light"}, **fields}


def a_deployment(name: str, container: Object | None = None, **spec: Any) -> Object:
    labels = {"app": name}
    containers = [{"name": "main", "image": "registry.example.com/nothing:1", **(container or {})}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            **spec,
        },
    }


@pytest.mark.parametrize(
    ("live", "wanted", "patch"),
    [
        ({"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}, {}),
        ({"data": {"a": "0"}}, {"data": {"a": "1"}}, {"data": {"a": "1"}}),
        ({}, {"data": {"a": "1"}}, {"data": {"a": "1"}}),
        ({}, {"data": None}, {}),
        ({"list": [{"name": "a", "by": "default"}]}, {"list": [{"name": "a"}]}, {}),
        ({"list": [{"name": "a"}]}, {"list": [{"name": "b"}]}, {"list": [{"name": "b"}]}),
        ({"list": [1]}, {"list": [1, 2]}, {"list": [1, 2]}),
        (
            {"containers": [{"name": "sidecar"}, {"name": "a", "env": [1], "image": "x"}]},
            {"containers": [{"name": "a", "env": [1], "image": "y"}]},
            {"containers": [{"name": "a", "image": "y"}]},
        ),
        ({"flag": True}, {"flag": 1}, {"flag": 1}),
        (
            {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}},
            {"spec": {"strategy": {"type": "Recreate"}}},
            {"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}},
        ),
    ],
)
def test_a_repair_names_what_the_chart_says_and_is_not_so(live: Object, wanted: Object, patch: Object):
    assert repair_of({**a_config_map(), **live}, {**a_config_map(), **wanted}) == patch


def test_an_object_of_a_kind_that_is_not_kubernetes_own_is_never_changed():
    lamp = {"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "a"}}

    assert repair_of(lamp, {**lamp, "spec": {"watts": 5}}) == {}


@pytest.fixture
async def client(embedded_cluster: EmbeddedCluster) -> AsyncIterator[Client]:
    """A client of the shared cluster."""
    async with Client.from_kubeconfig(embedded_cluster.kubeconfig) as client:
        yield client


async def test_of_an_env_that_is_named_twice_and_a_misspelt_field_nobody_minds(client: Client):
    twice = [{"name": "COLOUR", "value": "red"}, {"name": "COLOUR", "value": "green"}]
    wanted = a_deployment("twice", {"env": twice, "imagePullPolcy": "Always"})
    objects = Objects(client)

    await objects.apply([copy.deepcopy(wanted)], INSTALL)
    await objects.apply([copy.deepcopy(wanted)], INSTALL)
    live = await client.get(DEPLOYMENT, "twice", "default")
    await client.delete(DEPLOYMENT, "twice", namespace="default")

    (container,) = live["spec"]["template"]["spec"]["containers"]
    assert container["env"] == twice
    assert "imagePullPolcy" not in container


async def test_drift_is_repaired_and_what_the_chart_does_not_mention_stays(client: Client):
    volumes = [{"name": "data", "emptyDir": {}}]
    first = a_deployment("drift", {"env": [{"name": "A", "value": "1"}]})
    first["spec"]["template"]["spec"]["volumes"] = volumes
    objects = Objects(client)
    await objects.apply([first], INSTALL)
    change = {"metadata": {"labels": {"mine": "yes"}}, "spec": {"replicas": 3, "paused": True}}
    await client.merge_patch(DEPLOYMENT, "drift", change, namespace="default")

    second = copy.deepcopy(first)
    second["spec"]["strategy"] = {"type": "Recreate"}
    second["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "secret": {"secretName": "s"}}]
    second["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "B", "value": "2"}]
    await objects.apply([second], INSTALL)
    live = await client.get(DEPLOYMENT, "drift", "default")
    await objects.apply([second], INSTALL)
    again = await client.get(DEPLOYMENT, "drift", "default")
    await client.delete(DEPLOYMENT, "drift", namespace="default")

    pod = live["spec"]["template"]["spec"]
    assert (live["spec"]["replicas"], live["spec"]["paused"]) == (0, True)
    assert live["metadata"]["labels"]["mine"] == "yes"
    assert live["spec"]["strategy"] == {"type": "Recreate"}
    assert "emptyDir" not in pod["volumes"][0]
    # Nothing is pruned: what an upgrade drops from the chart stays, as with the original.
    assert sorted(one["name"] for one in pod["containers"][0]["env"]) == ["A", "B"]
    assert again["metadata"]["generation"] == live["metadata"]["generation"]


async def test_a_custom_resource_of_the_chart_is_created_and_then_left_as_it_is(client: Client):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "shades.objects.example.com"},
        "spec": {
            "group": "objects.example.com",
            "scope": "Namespaced",
            "names": {"kind": "Shade", "plural": "shades"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    shade = {
        "apiVersion": "objects.example.com/v1",
        "kind": "Shade",
        "metadata": {"name": "a"},
        "spec": {"colour": "red"},
    }
    objects = Objects(client)

    await objects.define([definition])
    await objects.apply([copy.deepcopy(shade)], INSTALL)
    await objects.apply([{**shade, "spec": {"colour": "green"}}], INSTALL)
    live = await client.get(Kind.of(shade), "a", "default")
    await client.delete(CRD, "shades.objects.example.com")

    assert live["spec"] == {"colour": "red"}


@pytest.mark.parametrize(
    "nameless",
    [
        {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [a_config_map()]},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "job-"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": 5}},
    ],
)
async def test_an_object_without_a_name_is_refused_before_any_other_is_made(client: Client, nameless: Object):
    objects = Objects(client)

    with pytest.raises(ObjectError, match="resource name may not be empty"):
        await objects.apply([a_config_map(), nameless], INSTALL)
    await objects.remove([nameless], INSTALL)

    assert "light" not in [
        item["metadata"]["name"] for item in (await client.list(CONFIG_MAP, namespace="default")).items
    ]
