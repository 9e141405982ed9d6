"""Either manager is restarted in the middle of each phase."""

from hack.parity.stage import Stage

LIFECYCLE_MANAGER = "lifecycle-manager"
MODULE_MANAGER = "module-manager"


async def lifecycle_manager_restarts_during_installation(stage: Stage) -> None:
    """lifecycle-manager is restarted before the custom resource is Ready."""
    await _restart_during_installation(stage, LIFECYCLE_MANAGER)


async def module_manager_restarts_during_installation(stage: Stage) -> None:
    """module-manager is restarted before the custom resource is Ready."""
    await _restart_during_installation(stage, MODULE_MANAGER)


async def lifecycle_manager_restarts_when_ready(stage: Stage) -> None:
    """lifecycle-manager is restarted while all is Ready."""
    await _restart_when_ready(stage, LIFECYCLE_MANAGER)


async def module_manager_restarts_when_ready(stage: Stage) -> None:
    """module-manager is restarted while all is Ready."""
    await _restart_when_ready(stage, MODULE_MANAGER)


async def lifecycle_manager_restarts_during_removal(stage: Stage) -> None:
    """lifecycle-manager is restarted while the custom resource's finalizer holds the removal up."""
    await _restart_during_removal(stage, LIFECYCLE_MANAGER)


async def module_manager_restarts_during_removal(stage: Stage) -> None:
    """module-manager is restarted while the custom resource's finalizer holds the removal up."""
    await _restart_during_removal(stage, MODULE_MANAGER)


async def _restart_during_installation(stage: Stage, manager: str) -> None:
    await stage.create_kyma()
    module = await stage.offer()
    await stage.enable(module)
    await stage.report(module, "Processing")
    await stage.settle()
    await stage.restart(manager)
    await stage.report(module)
    await stage.until_ready(module)


async def _restart_when_ready(stage: Stage, manager: str) -> None:
    await stage.create_kyma()
    await stage.install()
    await stage.restart(manager)
    await stage.settle()


async def _restart_during_removal(stage: Stage, manager: str) -> None:
    await stage.create_kyma()
    module = await stage.install()
    await stage.hold(module)
    await stage.disable(module)
    await stage.until_manifest(module, "Deleting")
    await stage.settle()
    await stage.restart(manager)
    await stage.let_go(module)
    await stage.until_removed(module)


CASES = (
    lifecycle_manager_restarts_during_installation,
    module_manager_restarts_during_installation,
    lifecycle_manager_restarts_when_ready,
    module_manager_restarts_when_ready,
    lifecycle_manager_restarts_during_removal,
    module_manager_restarts_during_removal,
)
