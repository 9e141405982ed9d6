"""Who removes a module waits for what the pair of managers gets wrong, and for no more."""

import asyncio

import pytest
from stored import KYMA_DEFINITIONS, KYMA_VERSION, StoredCluster, an_object

from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.pair import NO_QUIRKS, ORIGINAL, LifecycleManagers

LAMP = {"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "default-kyma-lamp"}}


def a_manifest(number=0):
    state = {"state": "Ready", "pass": number}
    fields = {"spec": {"resource": LAMP}, "status": state}
    return an_object("Manifest", "default-kyma-lamp", "kcp-system", api_version=KYMA_VERSION, **fields)


@pytest.fixture
def cluster():
    kyma = an_object(
        "Kyma",
        "default-kyma",
        "kcp-system",
        api_version=KYMA_VERSION,
        spec={"modules": [{"name": "lamp"}]},
        status={"state": "Ready", "moduleStatus": [{"moduleName": "lamp", "state": "Ready"}]},
    )
    lamp = an_object(
        "Lamp",
        "default-kyma-lamp",
        "kcp-system",
        api_version="example.com/v1",
        status={"state": "Ready"},
    )
    return StoredCluster(*KYMA_DEFINITIONS, kyma, a_manifest(), lamp)


def is_listed(cluster):
    (kyma,) = [obj for obj in cluster.objects.values() if obj["kind"] == "Kyma"]
    return bool(kyma["spec"]["modules"])


@pytest.mark.looptime
async def test_with_the_built_in_pair_nobody_waits_for_quiet(cluster):
    await deploy.disable_module(cluster, "lamp", quirks=NO_QUIRKS)

    assert not is_listed(cluster)
    assert asyncio.get_running_loop().time() == 0


@pytest.mark.looptime
async def test_with_the_original_a_module_is_removed_when_no_pass_has_written_for_a_while(cluster):
    await deploy.disable_module(cluster, "lamp", quirks=ORIGINAL)

    assert not is_listed(cluster)
    assert asyncio.get_running_loop().time() == pytest.approx(deploy.QUIET, abs=0.5)


@pytest.mark.looptime
async def test_with_the_original_each_pass_begins_the_wait_anew(cluster):
    removing = asyncio.create_task(deploy.disable_module(cluster, "lamp", quirks=ORIGINAL))
    for number in range(1, 4):
        await asyncio.sleep(deploy.QUIET - 1)
        assert is_listed(cluster)
        cluster.put(a_manifest(number))

    await removing

    assert asyncio.get_running_loop().time() >= 3 * (deploy.QUIET - 1) + deploy.QUIET


@pytest.mark.looptime
@pytest.mark.parametrize(("quirks", "waits"), [(ORIGINAL, True), (NO_QUIRKS, False)])
async def test_only_the_original_takes_a_definition_that_leaves_for_there(cluster, quirks, waits):
    leaving = an_object(
        "CustomResourceDefinition", "lamps.example.com", api_version="apiextensions.k8s.io/v1"
    )
    leaving["metadata"]["deletionTimestamp"] = "2022-12-01T00:00:00Z"
    cluster.put({**leaving, "spec": {"names": {"kind": "Lamp"}}})

    await deploy.enable_module(cluster, "lamp", quirks=quirks)

    assert (asyncio.get_running_loop().time() > 1) == waits


async def test_who_is_not_told_which_pair_it_is_waits_as_for_the_original(cluster):
    assert deploy.disable_module.__kwdefaults__["quirks"] == ORIGINAL
    assert deploy.enable_module.__kwdefaults__["quirks"] == ORIGINAL


@pytest.mark.parametrize(("pair", "quirks"), [(Choice.BUILTIN, NO_QUIRKS), (Choice.REAL, ORIGINAL)])
def test_each_pair_knows_its_quirks(pair, quirks):
    managers = LifecycleManagers(pair=pair, reason="", objects=(), rules=())

    assert managers.quirks == quirks
