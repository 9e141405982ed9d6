"""Somebody edits or deletes by hand what the managers take care of."""

from hack.parity.sample_module import NAMESPACE
from hack.parity.stage import Stage
from kubeloop.kinds import CONFIG_MAP
from kubeloop.resource import Kind
from kyma_harness.kyma.contract import KCP_NAMESPACE, MANIFEST


async def custom_resource_deleted(stage: Stage) -> None:
    """The custom resource is deleted by hand, and comes back as it first was."""
    await stage.create_kyma()
    module = await stage.install()
    await stage.edit_resource(module, {"metadata": {"labels": {"edited": "by-hand"}}})
    await stage.delete(Kind.of(dict(module.default_cr)), stage.name_of(module))
    await stage.settle()
    await stage.report(module)
    await stage.until_ready(module)


async def custom_resource_edited(stage: Stage) -> None:
    """The custom resource is edited by hand, and stays so."""
    await stage.create_kyma()
    module = await stage.install()
    await stage.edit_resource(module, {"metadata": {"labels": {"edited": "by-hand"}}})
    await stage.settle()


async def chart_object_deleted(stage: Stage) -> None:
    """An object of the chart is deleted by hand."""
    await stage.create_kyma()
    await stage.install()
    await stage.delete(CONFIG_MAP, stage.slug, NAMESPACE)
    await stage.settle()


async def chart_object_edited(stage: Stage) -> None:
    """A field and a label of an object of the chart are edited by hand."""
    await stage.create_kyma()
    await stage.install()
    edit = {"metadata": {"labels": {"edited": "by-hand"}}, "data": {"colour": "black", "more": "yes"}}
    await stage.client.merge_patch(CONFIG_MAP, stage.slug, edit, namespace=NAMESPACE)
    await stage.settle()


async def manifest_edited(stage: Stage) -> None:
    """The Manifest's spec is edited by hand."""
    await stage.create_kyma()
    module = await stage.install()
    edit = {"spec": {"resource": {"metadata": {"labels": {"edited": "by-hand"}}}}}
    await stage.client.merge_patch(MANIFEST, stage.name_of(module), edit, namespace=KCP_NAMESPACE)
    await stage.settle()


async def manifest_deleted(stage: Stage) -> None:
    """The Manifest is deleted by hand, and comes back."""
    await stage.create_kyma()
    module = await stage.install()
    former = await stage.client.get(MANIFEST, stage.name_of(module), KCP_NAMESPACE)
    await stage.delete(MANIFEST, stage.name_of(module))
    await stage.until_another_than(former)
    await stage.settle()
    await stage.report(module)
    await stage.until_ready(module)


CASES = (
    custom_resource_deleted,
    custom_resource_edited,
    chart_object_deleted,
    chart_object_edited,
    manifest_edited,
    manifest_deleted,
)
