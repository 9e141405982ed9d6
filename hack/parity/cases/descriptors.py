"""What lifecycle-manager makes of a template that says less than it should."""

from collections.abc import Callable
from typing import Any

from hack.parity.stage import Stage
from kubeloop.resource import Object


async def descriptor_that_is_empty(stage: Stage) -> None:
    """The template's descriptor is an empty object; then the module is taken off the list."""

    def empty(template: Object) -> None:
        template["spec"]["descriptor"] = {}

    await _refused(stage, empty)


async def descriptor_whose_component_is_a_text(stage: Stage) -> None:
    """The descriptor's component is a text; then the module is taken off the list."""

    def write(template: Object) -> None:
        template["spec"]["descriptor"] = {"component": "lamp"}

    await _refused(stage, write)


async def descriptor_without_layers(stage: Stage) -> None:
    """The component has no resources; then the module is taken off the list."""
    await _refused(stage, _component(lambda component: component.pop("resources")))


async def descriptor_without_a_repository(stage: Stage) -> None:
    """The component has no repository; then the module is taken off the list."""
    await _refused(stage, _component(lambda component: component.update(repositoryContexts=[])))


async def descriptor_with_another_access(stage: Stage) -> None:
    """A layer is of a kind of access that nobody knows; then the module is taken off the list."""

    def move(component: dict[str, Any]) -> None:
        component["resources"][0]["access"] = {"type": "s3", "bucket": "lamps"}

    await _refused(stage, _component(move))


async def layer_without_a_name(stage: Stage) -> None:
    """A chart's layer has no name, and so the release has none; then the module is taken off the list."""
    await stage.create_kyma()
    module = await stage.offer(edit=_component(lambda component: component["resources"][0].pop("name")))
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()
    await stage.disable(module)
    await stage.settle()


async def component_without_a_version(stage: Stage) -> None:
    """The component has no version; then the module is removed."""
    await _installed(stage, lambda component: component.pop("version"))


async def resource_with_an_empty_spec(stage: Stage) -> None:
    """The template's custom resource has a spec without a value."""

    def empty(template: Object) -> None:
        template["spec"]["data"]["spec"] = None

    await stage.create_kyma()
    module = await stage.offer(edit=empty)
    await stage.enable(module)
    await stage.report(module)
    await stage.until_ready(module)


def _component(change: Callable[[dict[str, Any]], Any]) -> Callable[[Object], None]:
    def edit(template: Object) -> None:
        change(template["spec"]["descriptor"]["component"])

    return edit


async def _refused(stage: Stage, edit: Callable[[Object], None]) -> None:
    await stage.create_kyma()
    module = await stage.offer(edit=edit)
    await stage.enable(module)
    await stage.until_kyma("Error")
    await stage.settle()
    await stage.disable(module)
    await stage.until_kyma("Ready")
    await stage.settle()


async def _installed(stage: Stage, change: Callable[[dict[str, Any]], Any]) -> None:
    await stage.create_kyma()
    module = await stage.offer(edit=_component(change))
    await stage.enable(module)
    await stage.report(module)
    await stage.until_ready(module)
    await stage.disable(module)
    await stage.until_removed(module)


CASES = (
    descriptor_that_is_empty,
    descriptor_whose_component_is_a_text,
    descriptor_without_layers,
    descriptor_without_a_repository,
    descriptor_with_another_access,
    layer_without_a_name,
    component_without_a_version,
    resource_with_an_empty_spec,
)
