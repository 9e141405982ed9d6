"""What module-manager makes of a module's layers, and of a registry that does not have them."""

from hack.parity.sample_module import Recipe
from hack.parity.stage import Stage
from kubeloop.resource import Object

NOWHERE = "sha256:" + "0" * 64


async def missing_blob(stage: Stage) -> None:
    """The registry has no such chart layer."""
    await stage.create_kyma()
    module = await stage.offer(edit=_point_to_nowhere)
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()


async def missing_blob_and_a_better_template(stage: Stage) -> None:
    """The registry has no such chart layer, until a template names one that it has."""
    await missing_blob(stage)
    module = await stage.offer()
    await stage.report(module)
    await stage.until_ready(module)


async def wrong_digest(stage: Stage) -> None:
    """The chart layer's bytes are not those of its digest."""
    await stage.create_kyma()
    module = await stage.offer(edit=stage.damage_chart)
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()


async def registry_down_at_install(stage: Stage) -> None:
    """The registry is down when a module is added, and comes back."""
    await stage.create_kyma()
    module = await stage.offer()
    async with stage.registry_down():
        await stage.enable(module)
        await stage.until_manifest(module, "Error")
        await stage.settle()
    await stage.report(module)
    await stage.until_ready(module)


async def registry_down_at_removal(stage: Stage) -> None:
    """The registry is down when a module is removed whose layers were fetched before."""
    await stage.create_kyma()
    module = await stage.install()
    async with stage.registry_down():
        await stage.disable(module)
        await stage.until_removed(module)


async def removal_of_what_was_never_fetched(stage: Stage) -> None:
    """A module whose layers are not to be had is removed."""
    await missing_blob(stage)
    module = stage.specimens.make(Recipe())
    await stage.disable(module)
    await stage.until_removed(module)


async def chart_without_crds(stage: Stage) -> None:
    """The chart has no crds/ of its own: the definition is there before; then the module is removed."""
    await stage.define()
    await stage.create_kyma()
    module = await stage.install(Recipe(has_crds=False))
    await stage.disable(module)
    await stage.settle()


async def chart_with_a_namespace(stage: Stage) -> None:
    """The chart brings a Namespace along, which goes with the module."""
    await stage.create_kyma()
    module = await stage.install(Recipe(namespace=f"{stage.slug}-own"))
    await stage.disable(module)
    await stage.until_removed(module)


async def chart_that_does_not_render(stage: Stage) -> None:
    """A template of the chart is broken."""
    await stage.create_kyma()
    module = await stage.offer(Recipe(template="{{ fail .Values.colour }}\n"))
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()


async def config_with_overrides(stage: Stage) -> None:
    """The config layer sets a value of the chart, and the release's namespace."""
    await stage.create_kyma()
    await stage.install(Recipe(config=_config(stage, "Namespace=parity")))


async def config_that_creates_its_namespace(stage: Stage) -> None:
    """The config layer names a namespace that is to be created, and the module is removed again."""
    settings = f"Namespace={stage.slug}-own,CreateNamespace=true"
    await stage.create_kyma()
    module = await stage.install(Recipe(config=_config(stage, settings)))
    await stage.disable(module)
    await stage.settle()


async def config_that_is_no_yaml(stage: Stage) -> None:
    """The config layer is not YAML."""
    await stage.create_kyma()
    module = await stage.offer(Recipe(config="configs: [\n"))
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()


async def default_against_its_schema(stage: Stage) -> None:
    """The custom resource is not what its definition allows."""
    await stage.create_kyma()
    module = await stage.offer(Recipe(resource={"watts": "many", "backend": 1}))
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()


async def remote_target(stage: Stage) -> None:
    """The template is for a remote cluster, of which nobody knows anything."""

    def send_away(template: Object) -> None:
        template["spec"]["target"] = "remote"

    await stage.create_kyma()
    module = await stage.offer(edit=send_away)
    await stage.enable(module)
    await stage.until_manifest(module, "Error")
    await stage.settle()


def _config(stage: Stage, settings: str) -> str:
    overrides = "colour=red,light.watts=5,light.on=true"
    entry = f'{{name: {stage.short_name}, clientConfig: "{settings}", overrides: "{overrides}"}}'
    return f"configs:\n- {entry}\n"


def _point_to_nowhere(template: Object) -> None:
    template["spec"]["descriptor"]["component"]["resources"][0]["access"]["digest"] = NOWHERE


CASES = (
    missing_blob,
    missing_blob_and_a_better_template,
    wrong_digest,
    registry_down_at_install,
    registry_down_at_removal,
    removal_of_what_was_never_fetched,
    chart_without_crds,
    chart_with_a_namespace,
    chart_that_does_not_render,
    config_with_overrides,
    config_that_creates_its_namespace,
    config_that_is_no_yaml,
    default_against_its_schema,
    remote_target,
)
