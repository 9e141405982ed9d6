"""The main job: from nothing to a verified module, step by step, each with its time."""

import enum
from typing import Self

from controller.client import Client
from harness.clusters.provider import Progress
from harness.kyma import deploy
from harness.kyma.errors import DeployError
from harness.kyma.verify import Check, verify
from harness.ledger import Ledger, Step
from harness.testbed import Testbed

WORTH_NAMING = 0.5
"""Seconds from which on a part's time is told."""
CHANNEL = "alpha"
"""The channel the module is enabled with; its template is in another, which the contract allows (2.2)."""


class Stage(enum.StrEnum):
    """Where the main job can be told to end; each includes those before it."""

    CLUSTER = "cluster"
    BUNDLE = "bundle"
    MANAGERS = "managers"
    RIGHTS = "rights"
    KYMA = "kyma"
    ENABLE = "enable"
    VERIFY = "verify"

    def reaches(self, other: Self) -> bool:
        """Tell whether a run until this stage includes another."""
        order = list(Stage)
        return order.index(self) >= order.index(other)


async def bring_up(testbed: Testbed, ledger: Ledger, until: Stage) -> None:
    """Take every step up to a stage; a step that was taken before finds its work done."""
    await _start(testbed, ledger)
    if until.reaches(Stage.BUNDLE):
        with ledger.step("bundle") as step:
            await testbed.bundle(step.show)
            step.note(f"{testbed.module.name}:{testbed.module.version} pushed")
    async with testbed.client() as client:
        await _deploy(testbed, client, ledger, until)


async def _start(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("cluster") as step:
        parts: list[str] = []

        def note(progress: Progress) -> None:
            if progress.state == "ready" and progress.part != "cluster" and progress.seconds >= WORTH_NAMING:
                parts.append(f"{progress.part} {progress.seconds:.1f} s")

        found = await testbed.start(note)
        step.note(testbed.provider.name)
        step.note("was running already" if found else " · ".join(parts))
    ledger.detail(testbed.chosen.reason)
    with ledger.step("registry") as step:
        step.note(testbed.provider.registry.push)


async def _deploy(testbed: Testbed, client: Client, ledger: Ledger, until: Stage) -> None:
    if until.reaches(Stage.MANAGERS):
        await deploy_managers(testbed, client, ledger)
    if until.reaches(Stage.RIGHTS):
        with ledger.step("rights") as step:
            await deploy.grant_rights(client)
            step.note("module-manager may install what modules contain")
    if until.reaches(Stage.KYMA):
        await deploy_kyma(testbed, client, ledger)
    if until.reaches(Stage.ENABLE):
        with ledger.step("enable") as step:
            await enable(testbed, client, step)
    if until.reaches(Stage.VERIFY):
        with ledger.step("verify") as step:
            checks = await check(testbed, client)
            step.note(f"{len(checks)} of {len(checks)} checks hold")
        for one in checks:
            ledger.detail(f"✓ {one.name}")


async def deploy_managers(testbed: Testbed, client: Client, ledger: Ledger) -> None:
    """Deploy the lifecycle managers, and tell which pair it is and why."""
    with ledger.step("lifecycle managers") as step:
        await testbed.deploy_managers(client)
        step.note(f"{testbed.managers.pair} pair")
    ledger.detail(testbed.managers.reason)


async def deploy_kyma(testbed: Testbed, client: Client, ledger: Ledger) -> None:
    """Apply the module's template, and create the Kyma where there is none."""
    with ledger.step("kyma") as step:
        await testbed.deploy_kyma(client)
        step.note("kcp-system/default-kyma")


async def enable(testbed: Testbed, client: Client, step: Step, channel: str = CHANNEL) -> None:
    """Add the module to the Kyma and wait until both say Ready."""
    await deploy.enable_module(client, testbed.module.short_name, channel=channel)
    await deploy.wait_until_ready(client, testbed.module)
    step.note(f"{testbed.module.short_name} is Ready, and the Kyma with it")


async def check(testbed: Testbed, client: Client) -> list[Check]:
    """Verify the module; raises :class:`DeployError` that lists what does not hold."""
    checks = await verify(testbed, client)
    failed = [one for one in checks if not one.ok]
    if failed:
        lines = "".join(f"\n  ✗ {one.name}: {one.detail}" for one in failed)
        raise DeployError(f"{len(failed)} of {len(checks)} checks do not hold:{lines}")
    return checks
