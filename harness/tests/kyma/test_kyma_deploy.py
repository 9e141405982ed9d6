"""Each step of a deployment can be taken again on a cluster where it was taken before."""

from lamp import LampKyma

from kubeloop.kinds import CLUSTER_ROLE
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA
from kyma_harness.kyma.pair import LifecycleManagers
from kyma_harness.session.stages import listed


async def modules_of(lamp: LampKyma) -> list[dict[str, str]]:
    kyma = await lamp.client.get(KYMA, DEFAULT_KYMA, KCP_NAMESPACE)
    listed: list[dict[str, str]] = kyma["spec"].get("modules", [])
    return listed


async def test_the_kyma_is_the_one_that_the_cli_makes(lamp: LampKyma):
    kyma = await lamp.client.get(KYMA, DEFAULT_KYMA, KCP_NAMESPACE)

    assert kyma["metadata"]["annotations"] == {"cli.kyma-project.io/source": "deploy"}
    assert kyma["spec"] == {
        "channel": "regular",
        "sync": {"enabled": False, "moduleCatalog": True, "noModuleCopy": True, "strategy": "secret"},
    }


async def test_a_kyma_that_is_there_keeps_its_modules(lamp: LampKyma):
    await deploy.enable_module(lamp.client, "torch", quirks=lamp.quirks)

    await deploy.ensure_kyma(lamp.client)

    assert await modules_of(lamp) == [{"name": "torch"}]


async def test_enabling_leaves_other_modules_alone_and_enabling_again_sets_the_channel(lamp: LampKyma):
    await deploy.enable_module(lamp.client, "torch", quirks=lamp.quirks)
    await deploy.enable_module(lamp.client, "candle", quirks=lamp.quirks, channel="fast")

    await deploy.enable_module(lamp.client, "torch", quirks=lamp.quirks, channel="alpha")

    assert await modules_of(lamp) == [
        {"name": "candle", "channel": "fast"},
        {"name": "torch", "channel": "alpha"},
    ]


async def test_disabling_leaves_other_modules_alone_and_is_no_error_where_there_is_nothing(lamp: LampKyma):
    await deploy.enable_module(lamp.client, "torch", quirks=lamp.quirks)
    await deploy.enable_module(lamp.client, "candle", quirks=lamp.quirks)

    await deploy.disable_module(lamp.client, "torch", quirks=lamp.quirks)
    await deploy.disable_module(lamp.client, "torch", quirks=lamp.quirks)

    assert await modules_of(lamp) == [{"name": "candle"}]


def test_what_was_applied_is_said_in_a_line():
    objects = [
        {"kind": kind, "metadata": {"name": name}}
        for kind, name in [("Namespace", "kcp-system"), ("Deployment", "a"), ("Deployment", "b")]
    ]

    assert listed(objects) == "Namespace kcp-system, 2 × Deployment"  # noqa: RUF001 - so many times


async def test_deploying_again_does_not_take_granted_rights_away(lamp: LampKyma, managers: LifecycleManagers):
    applied = await deploy.deploy_managers(lamp.client, managers)

    assert {item["kind"] for item in applied} >= {"Namespace", "CustomResourceDefinition", "Deployment"}
    role = await lamp.client.get(CLUSTER_ROLE, deploy.MANAGER_ROLE)
    assert role["rules"] == deploy.EVERYTHING
