"""Which template a module is made from, and what a new one changes."""

from hack.parity.sample_module import Recipe
from hack.parity.stage import Stage
from kubeloop.resource import Object

FAST = Recipe(channel="fast")
ALPHA = Recipe(channel="alpha")


async def no_template(stage: Stage) -> None:
    """A module has no template at all."""
    await stage.create_kyma()
    await stage.enable("torch")
    await stage.until_kyma("Error")
    await stage.settle()


async def template_arrives_late(stage: Stage) -> None:
    """A module is listed before its template is there."""
    await stage.create_kyma()
    module = stage.specimens.make(Recipe())
    await stage.enable(module)
    await stage.until_kyma("Error")
    await stage.offer()
    await stage.report(module)
    await stage.until_ready(module)


async def fallback_channel(stage: Stage) -> None:
    """The only template is of another channel than was asked for."""
    await stage.create_kyma()
    module = await stage.offer()
    await stage.enable(module, channel="alpha")
    await stage.report(module)
    await stage.until_ready(module)


async def own_channel(stage: Stage) -> None:
    """Of two templates the one of the module's own channel is taken."""
    await stage.create_kyma()
    await stage.offer()
    module = await stage.offer(FAST, template=f"{stage.slug}-fast")
    await stage.enable(module, channel="fast")
    await stage.report(module)
    await stage.until_ready(module)


async def ambiguous_templates(stage: Stage) -> None:
    """Two templates of a channel fit."""
    module = await stage.offer()
    await stage.offer(template=f"{stage.slug}-again")
    await stage.create_kyma()
    await stage.enable(module)
    await stage.until_kyma("Error")
    await stage.settle()


async def ambiguous_fallback(stage: Stage) -> None:
    """Two templates of other channels fit, none of the one that was asked for."""
    await stage.create_kyma()
    module = await stage.offer(FAST, template=f"{stage.slug}-fast")
    await stage.offer()
    await stage.enable(module, channel="alpha")
    await stage.until_kyma("Error")
    await stage.settle()


async def foreign_template(stage: Stage) -> None:
    """The template lacks the label by which lifecycle-manager knows its own."""

    def unlabel(template: Object) -> None:
        del template["metadata"]["labels"]["operator.kyma-project.io/managed-by"]

    await stage.create_kyma()
    module = await stage.offer(edit=unlabel)
    await stage.enable(module)
    await stage.until_kyma("Error")
    await stage.settle()


async def upgrade(stage: Stage) -> None:
    """A template of a newer version takes the place of the first."""
    await stage.create_kyma()
    await stage.install()
    newer = await stage.offer(Recipe(version="1.1.0"))
    await stage.until_version(newer)
    await stage.until_ready(newer)


async def upgrade_that_drops_an_object(stage: Stage) -> None:
    """A newer chart lacks an object that the older one had."""
    await stage.create_kyma()
    await stage.install()
    newer = await stage.offer(Recipe(version="1.1.0", drops_config_map=True))
    await stage.until_version(newer)
    await stage.until_ready(newer)


async def upgrade_that_changes_the_default(stage: Stage) -> None:
    """A newer template has other labels on its custom resource; the one that exists keeps its own."""

    def label(template: Object) -> None:
        template["spec"]["data"]["metadata"]["labels"] = {"colour": "red"}

    await stage.create_kyma()
    await stage.install()
    newer = await stage.offer(Recipe(version="1.1.0"), edit=label)
    await stage.until_version(newer)
    await stage.until_ready(newer)


async def channel_switch(stage: Stage) -> None:
    """A module is switched to a channel with a newer version."""
    await stage.create_kyma()
    await stage.install()
    newer = await stage.offer(Recipe(channel="fast", version="2.0.0"), template=f"{stage.slug}-fast")
    await stage.enable(newer, channel="fast")
    await stage.until_version(newer)
    await stage.until_ready(newer)


async def downgrade_refused(stage: Stage) -> None:
    """A module is switched to a channel with an older version, and stays as it is."""
    await stage.create_kyma()
    module = await stage.install(Recipe(version="2.0.0"))
    await stage.offer(Recipe(channel="alpha", version="1.0.0"), template=f"{stage.slug}-alpha")
    await stage.enable(module, channel="alpha")
    await stage.settle()


async def kyma_s_channel_switch(stage: Stage) -> None:
    """The Kyma itself is switched to another channel."""
    await stage.create_kyma()
    await stage.install()
    newer = await stage.offer(Recipe(channel="fast", version="2.0.0"), template=f"{stage.slug}-fast")
    await stage.switch_kyma("fast")
    await stage.until_version(newer)
    await stage.until_ready(newer)


CASES = (
    no_template,
    template_arrives_late,
    fallback_channel,
    own_channel,
    ambiguous_templates,
    ambiguous_fallback,
    foreign_template,
    upgrade,
    upgrade_that_drops_an_object,
    upgrade_that_changes_the_default,
    channel_switch,
    downgrade_refused,
    kyma_s_channel_switch,
)
