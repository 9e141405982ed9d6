"""The module itself is in trouble."""

from hack.parity.stage import Stage


async def custom_resource_in_error(stage: Stage) -> None:
    """The custom resource turns Error before it was ever Ready, and recovers."""
    await stage.create_kyma()
    module = await stage.offer()
    await stage.enable(module)
    await stage.report(module, "Error")
    await stage.settle()
    await stage.report(module)
    await stage.until_ready(module)


async def custom_resource_in_error_later(stage: Stage) -> None:
    """The custom resource turns Error after it was Ready, and recovers."""
    await stage.create_kyma()
    module = await stage.install()
    await stage.report(module, "Error")
    await stage.settle()
    await stage.report(module)
    await stage.until_ready(module)


async def finalizer_that_hangs(stage: Stage) -> None:
    """The custom resource's finalizer holds the removal up, and everything with it."""
    await stage.create_kyma()
    module = await stage.install()
    await stage.hold(module)
    await stage.disable(module)
    await stage.until_manifest(module, "Deleting")
    await stage.settle()


async def finalizer_that_is_late(stage: Stage) -> None:
    """The custom resource's finalizer goes after a while, and everything with it."""
    await finalizer_that_hangs(stage)
    module = stage.plain()
    await stage.let_go(module)
    await stage.until_removed(module)


CASES = (
    custom_resource_in_error,
    custom_resource_in_error_later,
    finalizer_that_hangs,
    finalizer_that_is_late,
)
