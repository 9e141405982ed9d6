"""A module is removed when nothing of it is left; what is left is named."""

import asyncio
from contextlib import suppress

import pytest
from lamp import LAMP, NAME
from stored import KYMA_DEFINITIONS, KYMA_VERSION, StoredCluster, an_object

from kubeloop.errors import NotFoundError
from kubeloop.kinds import CRD
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.wait.claims import is_gone
from kyma_harness.wait.waits import Target, WaitError, wait_for

FINALIZER = "example.com/nobody-serves-it"


def a_kyma(**status):
    return an_object(
        "Kyma", "default-kyma", KCP_NAMESPACE, api_version=KYMA_VERSION, status={"state": "Ready", **status}
    )


def the_definition(*, leaving=True):
    definition = an_object(
        "CustomResourceDefinition",
        "lamps.example.com",
        api_version="apiextensions.k8s.io/v1",
        spec={"group": "example.com", "names": {"kind": "Lamp"}},
    )
    if leaving:
        definition["metadata"]["deletionTimestamp"] = "2022-12-01T00:00:00Z"
    return definition


def a_lamp(name, namespace="shop"):
    lamp = an_object("Lamp", name, namespace, api_version="example.com/v1")
    lamp["metadata"] |= {"finalizers": [FINALIZER], "deletionTimestamp": "2022-12-01T00:00:00Z"}
    return lamp


async def removed(cluster, within=0.1):
    return await deploy.wait_until_removed(cluster, "lamp", kinds=[LAMP], within=within)


async def test_where_nothing_is_left_it_is_removed():
    assert await removed(StoredCluster(*KYMA_DEFINITIONS, a_kyma())) == []


async def test_a_custom_resource_that_is_held_is_named_with_what_holds_it():
    cluster = StoredCluster(
        *KYMA_DEFINITIONS, a_kyma(), the_definition(), a_lamp("one"), a_lamp("two", "yard")
    )

    with pytest.raises(WaitError) as raised:
        await removed(cluster)

    said = str(raised.value)
    assert said.startswith("the module is off the Kyma, and of it is left: ")
    assert f"Lamp shop/one (held by {FINALIZER})" in said
    assert f"Lamp yard/two (held by {FINALIZER})" in said
    assert "CustomResourceDefinition lamps.example.com (being deleted)" in said


async def test_a_definition_that_does_not_go_by_itself_is_named():
    cluster = StoredCluster(*KYMA_DEFINITIONS, a_kyma(), the_definition())

    with pytest.raises(WaitError, match=r"it is left: CustomResourceDefinition lamps\.example\.com \(being"):
        await removed(cluster)


async def test_what_goes_in_time_is_waited_for():
    cluster = StoredCluster(*KYMA_DEFINITIONS, a_kyma(), the_definition(), a_lamp("one"))
    waiting = asyncio.create_task(removed(cluster, within=30))
    await asyncio.sleep(0)

    cluster.take(a_lamp("one"))
    await asyncio.sleep(0)
    cluster.take(the_definition())

    assert await waiting == []


async def test_a_definition_that_nobody_deletes_is_no_failure_and_is_told():
    cluster = StoredCluster(*KYMA_DEFINITIONS, a_kyma(), the_definition(leaving=False))

    assert await removed(cluster) == ["CustomResourceDefinition lamps.example.com"]


async def test_a_definition_of_another_module_is_none_of_this_one_s():
    other = the_definition()
    other["metadata"]["name"] = "torches.example.com"
    other["spec"] = {"group": "example.com", "names": {"kind": "Torch"}}

    assert await removed(StoredCluster(*KYMA_DEFINITIONS, a_kyma(), other)) == []


@pytest.mark.timeout(400)
async def test_with_real_managers_a_lamp_beside_the_module_s_own_keeps_the_module_from_being_gone(lamp):
    """As on a cluster where somebody has made a second one, whose finalizer nobody serves then."""
    await deploy.enable_module(lamp.client, "lamp", quirks=lamp.quirks)
    await lamp.shine()
    await deploy.wait_until_ready(lamp.client, lamp.module)
    second = an_object("Lamp", "second", "default", api_version="example.com/v1")
    second["metadata"]["finalizers"] = [FINALIZER]
    await lamp.client.create(second)

    try:
        await deploy.disable_module(lamp.client, "lamp", quirks=lamp.quirks)
        with pytest.raises(WaitError, match=rf"of it is left: Lamp default/second \(held by {FINALIZER}\)"):
            await deploy.wait_until_removed(lamp.client, "lamp", kinds=[LAMP], within=20)
    finally:
        with suppress(NotFoundError):
            free = {"metadata": {"finalizers": []}}
            await lamp.client.merge_patch(LAMP, "second", free, namespace="default")
    definition = Target(kind=CRD, name="lamps.example.com")
    await wait_for(lamp.client, definition, is_gone(), what="be gone", within=60)
    assert deploy.instance_name("lamp") == NAME
