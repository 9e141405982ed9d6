"""Both pairs of managers keep the contract of December 2022, as the same tests say."""

import json
from pathlib import Path

import aiohttp
import pytest
from lamp import LAMP, NAME, LampKyma, write_lamp
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from kubeloop.errors import NotFoundError
from kubeloop.kinds import CONFIG_MAP, CRD, EVENT, NAMESPACE, POD
from kubeloop.resource import Object
from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA, MANIFEST
from kyma_harness.kyma.pair import LifecycleManagers
from kyma_harness.oci.bundle import pack
from kyma_harness.wait.claims import exists, has_state, is_gone, satisfies

ADDRESSES = "node.kyma-harness.io/addresses"


async def lit(lamp: LampKyma, *, channel: str | None = None) -> Object:
    """Enable the lamp, wait until the Kyma is Ready with it, and return the Kyma."""
    await deploy.enable_module(lamp.client, "lamp", quirks=lamp.quirks, channel=channel)
    await lamp.shine()
    return await deploy.wait_until_ready(lamp.client, lamp.module)


def entries(kyma: Object) -> list[Object]:
    found: list[Object] = kyma.get("status", {}).get("moduleStatus", [])
    return found


async def test_an_empty_kyma_turns_ready_by_itself(lamp: LampKyma):
    kyma = await lamp.client.get(KYMA, DEFAULT_KYMA, KCP_NAMESPACE)

    assert kyma["metadata"]["finalizers"] == ["operator.kyma-project.io/Kyma"]
    assert kyma["metadata"]["labels"] == {"operator.kyma-project.io/managed-by": "lifecycle-manager"}
    assert kyma["metadata"]["generation"] == 2
    assert "modules" not in kyma["spec"]
    assert kyma["status"]["activeChannel"] == "regular"


async def test_a_module_that_is_on_shows_in_the_whole_status_of_the_kyma(lamp: LampKyma):
    kyma = await lit(lamp, channel="alpha")

    (condition,) = kyma["status"].pop("conditions")
    assert condition.pop("lastTransitionTime")
    assert condition == {
        "type": "Ready",
        "reason": "ModulesAreReady",
        "status": "True",
        "message": "all modules are in ready state",
        "observedGeneration": 3,
    }
    assert kyma["status"] == {
        "state": "Ready",
        "activeChannel": "regular",
        "moduleStatus": [
            {
                "moduleName": "lamp",
                "name": NAME,
                "namespace": "kcp-system",
                "generation": 1,
                "state": "Ready",
                "templateInfo": {
                    "name": "moduletemplate-lamp",
                    "namespace": "kcp-system",
                    "channel": "regular",
                    "generation": 1,
                    "version": "1.2.3",
                    "gvk": {"group": "operator.kyma-project.io", "kind": "Manifest", "version": "v1alpha1"},
                },
            }
        ],
    }


async def test_a_manifest_names_what_the_template_s_descriptor_names(lamp: LampKyma):
    bundle = pack(lamp.module)
    kyma = await lit(lamp)

    manifest = await lamp.client.get(MANIFEST, NAME, KCP_NAMESPACE)

    layer = {
        "repo": f"{lamp.registry}/unsigned/component-descriptors",
        "name": "example.com/module/lamp",
        "type": "oci-ref",
    }
    assert manifest["spec"] == {
        "remote": False,
        "config": {**layer, "ref": bundle.config.digest},
        "crds": {"repo": "", "name": "", "ref": "", "type": ""},
        "installs": [{"name": "lamp", "source": {**layer, "ref": bundle.chart.digest}}],
        "resource": {
            "apiVersion": "example.com/v1",
            "kind": "Lamp",
            "metadata": {"name": NAME, "namespace": "kcp-system", "labels": {"colour": "red"}},
            "spec": {"watts": 60},
        },
    }
    assert manifest["metadata"]["finalizers"] == ["operator.kyma-project.io/manifest"]
    assert manifest["metadata"]["labels"] == {
        "operator.kyma-project.io/kyma-name": "default-kyma",
        "operator.kyma-project.io/module-name": "lamp",
        "operator.kyma-project.io/controller-name": "manifest",
        "operator.kyma-project.io/channel": "regular",
        "operator.kyma-project.io/cache-key": "default-kyma",
    }
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (
        "Kyma",
        kyma["metadata"]["uid"],
        True,
        True,
    )


async def test_a_ready_manifest_says_so_for_itself_and_for_each_install(lamp: LampKyma):
    await lit(lamp)

    # An answer that was under way can still turn it to Error for a moment in the original.
    status = (await lamp.until(MANIFEST, NAME, has_state("Ready")))["status"]

    assert status["observedGeneration"] == 1
    assert {
        one["reason"]: (one["type"], one["status"], one["message"], one["installInfo"]["chartName"])
        for one in status["conditions"]
    } == {
        "Manifest": ("Ready", "True", "Manifest in Ready state", ""),
        "lamp": ("Ready", "True", "installation successful", "lamp"),
    }


async def test_the_chart_and_the_custom_resource_are_installed(lamp: LampKyma):
    await lit(lamp)

    config_map = await lamp.client.get(CONFIG_MAP, "lamp", "lamps")
    resource = await lamp.client.get(LAMP, NAME, KCP_NAMESPACE)

    assert config_map["data"] == {"version": "1.2.3", "watts": "40"}
    assert resource["metadata"]["labels"] == {"colour": "red"}
    assert "ownerReferences" not in resource["metadata"]


async def test_a_kyma_is_not_ready_before_the_custom_resource_is(lamp: LampKyma):
    await deploy.enable_module(lamp.client, "lamp", quirks=lamp.quirks)
    await lamp.shine("Processing")

    manifest = await lamp.until(MANIFEST, NAME, satisfies(processes_install, "it does not process yet"))
    kyma = await lamp.until(KYMA, DEFAULT_KYMA, has_state("Processing"))

    assert manifest["status"]["state"] == "Processing"
    assert kyma["status"]["conditions"][0]["message"] == "not all modules are in ready state"


def processes_install(manifest: Object) -> bool:
    conditions = manifest.get("status", {}).get("conditions", [])
    return any(one["message"] == "installation processing" for one in conditions)


async def test_a_removed_module_waits_for_its_custom_resource_and_then_takes_everything_along(
    lamp: LampKyma, managers: LifecycleManagers
):
    await lit(lamp)
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    await lamp.client.merge_patch(LAMP, NAME, held, namespace=KCP_NAMESPACE)

    await deploy.disable_module(lamp.client, "lamp", quirks=lamp.quirks)
    manifest = await lamp.until(MANIFEST, NAME, satisfies(processes_removal, "it does not wait yet"))
    kyma = await lamp.until(KYMA, DEFAULT_KYMA, has_state("Processing"))

    assert manifest["status"]["state"] == "Deleting"
    assert [entry["state"] for entry in entries(kyma)] == ["Ready"]
    assert (await lamp.client.get(CONFIG_MAP, "lamp", "lamps"))["data"]

    await lamp.client.merge_patch(LAMP, NAME, {"metadata": {"finalizers": []}}, namespace=KCP_NAMESPACE)
    await deploy.wait_until_removed(lamp.client, "lamp", kinds=[LAMP])

    await lamp.until(CONFIG_MAP, "lamp", is_gone(), namespace="lamps")
    if managers.pair is Choice.BUILTIN:  # a pass of the original that is under way may create it again
        await lamp.until(CRD, "lamps.example.com", is_gone(), namespace="")
    assert (await lamp.client.get(NAMESPACE, "lamps"))["status"]["phase"] == "Active"


def processes_removal(manifest: Object) -> bool:
    conditions = manifest.get("status", {}).get("conditions", [])
    return any(one["message"] == "Manifest in Deleting state" for one in conditions)


async def test_a_module_that_is_removed_as_soon_as_it_is_ready_waits_for_its_custom_resource(lamp: LampKyma):
    await deploy.enable_module(lamp.client, "lamp", quirks=lamp.quirks)
    await lamp.until(LAMP, NAME, exists())
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    await lamp.client.merge_patch(LAMP, NAME, held, namespace=KCP_NAMESPACE)
    await lamp.shine()

    await deploy.disable_module(lamp.client, "lamp", quirks=lamp.quirks)

    await lamp.until(MANIFEST, NAME, satisfies(processes_removal, "it does not wait yet"))
    assert (await lamp.client.get(CONFIG_MAP, "lamp", "lamps"))["data"]


async def test_an_event_from_outside_brings_the_repair_of_drift_about(lamp: LampKyma):
    await lit(lamp)
    await lamp.client.delete(CONFIG_MAP, "lamp", namespace="lamps")

    await post_event(lamp, "module-manager", NAME)

    await lamp.until(CONFIG_MAP, "lamp", exists(), namespace="lamps")


async def test_a_custom_resource_is_made_once_and_never_changed(lamp: LampKyma):
    await lit(lamp)
    await lamp.client.merge_patch(LAMP, NAME, {"spec": {"watts": 25}}, namespace=KCP_NAMESPACE)
    before = await lamp.client.get(LAMP, NAME, KCP_NAMESPACE)
    await lamp.client.delete(CONFIG_MAP, "lamp", namespace="lamps")

    await post_event(lamp, "module-manager", NAME)
    await lamp.until(CONFIG_MAP, "lamp", exists(), namespace="lamps")

    after = await lamp.client.get(LAMP, NAME, KCP_NAMESPACE)
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], {"watts": 25})


async def test_a_custom_resource_deleted_by_hand_comes_back_as_it_first_was(lamp: LampKyma):
    await lit(lamp)
    before = await lamp.client.get(LAMP, NAME, KCP_NAMESPACE)
    await lamp.client.delete(LAMP, NAME, namespace=KCP_NAMESPACE)

    await post_event(lamp, "module-manager", NAME)

    after = await lamp.until(
        LAMP, NAME, satisfies(lambda seen: seen["metadata"]["uid"] != before["metadata"]["uid"], "same one")
    )
    assert after["spec"] == {"watts": 60}


async def test_a_manifest_edited_by_hand_is_written_anew(lamp: LampKyma):
    await lit(lamp)
    edit = {"spec": {"resource": {"spec": {"watts": 100}}}}
    await lamp.client.merge_patch(MANIFEST, NAME, edit, namespace=KCP_NAMESPACE)

    await post_event(lamp, "lifecycle-manager", DEFAULT_KYMA)

    manifest = await lamp.until(
        MANIFEST, NAME, satisfies(lambda seen: seen["spec"]["resource"]["spec"] == {"watts": 60}, "it is not")
    )
    assert manifest["metadata"]["generation"] > 1


async def test_a_newer_template_reaches_the_cluster(lamp: LampKyma, tmp_path: Path):
    await lit(lamp)
    newer = write_lamp(tmp_path / "newer", version="1.3.0")
    await lamp.offer(newer)

    await post_event(lamp, "lifecycle-manager", DEFAULT_KYMA)

    config_map = await lamp.until(
        CONFIG_MAP,
        "lamp",
        satisfies(lambda seen: seen["data"]["version"] == "1.3.0", "old"),
        namespace="lamps",
    )
    assert config_map["data"]["watts"] == "40"
    await deploy.wait_until_ready(lamp.client, newer)
    await lamp.until(
        KYMA,
        DEFAULT_KYMA,
        satisfies(lambda seen: [one["templateInfo"]["version"] for one in entries(seen)] == ["1.3.0"], "old"),
    )


@retry(retry=retry_if_result(lambda said: not said), wait=wait_fixed(0.1), stop=stop_after_delay(60))
async def errors_told(lamp: LampKyma, about: str) -> list[str]:
    """Return what Events say about errors of a module; they come a little after the status."""
    events = await lamp.client.list(EVENT, namespace=KCP_NAMESPACE)
    said = [event["message"] for event in events.items if event["reason"] == "ModuleReconciliationError"]
    return [message for message in said if about in message]


async def test_a_module_without_a_template_is_an_error_that_names_it(lamp: LampKyma):
    await deploy.enable_module(lamp.client, "torch", quirks=lamp.quirks)

    await lamp.until(KYMA, DEFAULT_KYMA, has_state("Error"))

    said = await errors_told(lamp, "torch")
    assert any("no module template found for module: torch" in message for message in said)


async def test_two_templates_of_other_channels_are_ambiguous(lamp: LampKyma, tmp_path: Path):
    await lamp.offer(write_lamp(tmp_path / "fast", channel="fast"), name="moduletemplate-lamp-fast")
    # lifecycle-manager hears of templates and of Kymas by two watches: a pass more, and it has both.
    await deploy.enable_module(lamp.client, "torch", quirks=lamp.quirks)
    await lamp.until(KYMA, DEFAULT_KYMA, has_state("Error"))
    await deploy.disable_module(lamp.client, "torch", quirks=lamp.quirks, settle=1)
    await lamp.until(KYMA, DEFAULT_KYMA, has_state("Ready"))

    await deploy.enable_module(lamp.client, "lamp", quirks=lamp.quirks, channel="alpha")

    await lamp.until(KYMA, DEFAULT_KYMA, has_state("Error"))
    with pytest.raises(NotFoundError):
        await lamp.client.get(MANIFEST, NAME, KCP_NAMESPACE)


async def test_the_template_of_the_module_s_own_channel_is_taken(lamp: LampKyma, tmp_path: Path):
    await lamp.offer(write_lamp(tmp_path / "fast", channel="fast"), name="moduletemplate-lamp-fast")

    kyma = await lit(lamp, channel="fast")

    assert entries(kyma)[0]["templateInfo"]["name"] == "moduletemplate-lamp-fast"


async def post_event(lamp: LampKyma, manager: str, owner: str) -> None:
    """Tell a manager's listener of an event about one of its objects (contract 2.8)."""
    pods = await lamp.client.list(POD, namespace=KCP_NAMESPACE)
    (pod,) = [pod for pod in pods.items if pod["metadata"]["name"].startswith(manager)]
    address = json.loads(pod["metadata"]["annotations"][ADDRESSES])["8082"]
    body = {
        "owner": {"Name": owner, "Namespace": KCP_NAMESPACE},
        "watched": {"Name": owner, "Namespace": KCP_NAMESPACE},
        "watchedGvk": {"group": "example.com", "version": "v1", "kind": "Lamp"},
    }
    timeout = aiohttp.ClientTimeout(total=60)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"http://{address}/v1/{manager}/event", json=body) as response,
    ):
        assert response.status == 200


async def test_a_module_that_is_removed_as_soon_as_it_was_added_leaves_no_manifest(lamp: LampKyma):
    await deploy.enable_module(lamp.client, "lamp", quirks=lamp.quirks)
    await deploy.disable_module(lamp.client, "lamp", quirks=lamp.quirks)

    await deploy.wait_until_removed(lamp.client, "lamp", kinds=[LAMP])
