"""Modules come and go."""

from hack.parity.sample_module import Recipe
from hack.parity.stage import Stage

SECOND = Recipe(suffix="-two")


async def add(stage: Stage) -> None:
    """A module is added."""
    await stage.create_kyma()
    await stage.install()


async def remove(stage: Stage) -> None:
    """A module that is Ready is removed."""
    await stage.create_kyma()
    module = await stage.install()
    await stage.disable(module)
    await stage.until_removed(module)


async def re_add(stage: Stage) -> None:
    """A module is added again after it was removed."""
    await remove(stage)
    await stage.install()


async def re_add_of_an_older_version(stage: Stage) -> None:
    """A module is upgraded and removed, and its first version is added again."""
    await stage.create_kyma()
    await stage.install()
    newer = await stage.offer(Recipe(version="1.1.0"))
    await stage.until_version(newer)
    await stage.until_ready(newer)
    await stage.disable(newer)
    await stage.until_removed(newer)
    await stage.enable(await stage.offer())
    await stage.until_kyma("Processing")
    await stage.settle()


async def remove_while_processing(stage: Stage) -> None:
    """A module is removed before it was ever Ready."""
    await stage.create_kyma()
    module = await stage.offer()
    await stage.enable(module)
    await stage.report(module, "Processing")
    await stage.settle()
    await stage.disable(module)
    await stage.settle()


async def two_modules(stage: Stage) -> None:
    """A Kyma has two modules, added one after the other."""
    await stage.create_kyma()
    await stage.install()
    await stage.install(SECOND)


async def remove_one_of_two(stage: Stage) -> None:
    """Of two modules one is removed; the other stays Ready."""
    await stage.create_kyma()
    await stage.install()
    second = await stage.install(SECOND)
    await stage.disable(second)
    await stage.until_removed(second)


async def two_kymas(stage: Stage) -> None:
    """Two Kymas have a module each, and one loses it."""
    other = stage.beside("-other")
    await stage.create_kyma()
    await other.create_kyma()
    await stage.install()
    second = await other.install(SECOND)
    await other.disable(second)
    await other.until_removed(second)


async def delete_kyma_with_a_module(stage: Stage) -> None:
    """A Kyma is deleted with a module in it; garbage collection takes the Manifest along."""
    await stage.create_kyma()
    module = await stage.install()
    await stage.delete_kyma()
    await stage.until_manifest_gone(module)
    await stage.settle()


CASES = (
    add,
    remove,
    re_add,
    re_add_of_an_older_version,
    remove_while_processing,
    two_modules,
    remove_one_of_two,
    two_kymas,
    delete_kyma_with_a_module,
)
