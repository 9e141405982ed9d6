"""The main job: from nothing to a verified module, step by step, each with its time."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from kubeloop.client import Client
from kubeloop.resource import Object
from kyma_harness.clusters.provider import Progress
from kyma_harness.host.choices import CHANNEL, Stage
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE
from kyma_harness.kyma.errors import DeployError
from kyma_harness.kyma.verify import Check, verify
from kyma_harness.session import lifetime
from kyma_harness.session.progress import Ledger, Step
from kyma_harness.session.setup import Testbed

WORTH_NAMING = 0.5
"""Seconds from which on a part's time is told."""


async def take(testbed: Testbed, ledger: Ledger, *, first: Stage = Stage.CLUSTER, last: Stage) -> None:
    """Take every step from one stage to another; one that was taken before finds its work done."""
    async with lifetime.making(testbed.settings):
        for stage in Stage.between(first, last):
            await STEPS[stage](testbed, ledger)
            if (first, stage) == (Stage.CLUSTER, Stage.KYMA):
                lifetime.note_deployed(testbed)


async def _start(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("cluster") as step:
        parts: list[str] = []
        remarks: list[str] = []

        def note(progress: Progress) -> None:
            if progress.state == "ready" and progress.message:
                remarks.append(progress.message)
            if progress.state == "ready" and progress.part != "cluster" and progress.seconds >= WORTH_NAMING:
                parts.append(f"{progress.part} {progress.seconds:.1f} s")

        started = await lifetime.start(testbed, note)
        step.note(testbed.provider.name)
        if started.found or parts:
            step.note("was running already" if started.found else " · ".join(parts))
    ledger.detail(testbed.chosen.reason)
    for remark in remarks:
        ledger.detail(remark)
    for change in started.changes if started.found else ():
        ledger.detail(f"since it was made, {change}")
    with ledger.step("registry") as step:
        step.note(testbed.provider.registry.push)


async def _bundle(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("bundle") as step:
        released = await testbed.bundle(step.show)
        step.note(f"{testbed.module.name}:{testbed.module.version} pushed")
    ledger.detail(f"default CR checked by {released.judge}")


async def _deploy_managers(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("lifecycle managers") as step:
        async with testbed.client() as client:
            applied = await testbed.deploy_managers(client)
        step.note(f"{testbed.managers.pair} pair")
    ledger.detail(testbed.managers.reason)
    ledger.detail(f"applied {listed(applied)}")


async def _deploy_kyma(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("kyma") as step:
        async with testbed.client() as client:
            applied = await testbed.deploy_kyma(client)
        step.note(f"{KCP_NAMESPACE}/{DEFAULT_KYMA}")
    ledger.detail(f"applied {listed(applied)}")


async def _grant_rights(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("rights") as step:
        async with testbed.client() as client:
            await deploy.grant_rights(client)
        step.note("module-manager may install what modules contain")


async def _enable(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("enable") as step:
        async with testbed.client() as client:
            await enable(testbed, client, step)


async def _verify(testbed: Testbed, ledger: Ledger) -> None:
    with ledger.step("verify") as step:
        async with testbed.client() as client:
            checks = await check(testbed, client)
        step.note(f"{len(checks)} of {len(checks)} checks hold")
    for one in checks:
        ledger.detail(f"✓ {one.name}")


STEPS: Mapping[Stage, Callable[[Testbed, Ledger], Awaitable[None]]] = {
    Stage.CLUSTER: _start,
    Stage.BUNDLE: _bundle,
    Stage.MANAGERS: _deploy_managers,
    Stage.KYMA: _deploy_kyma,
    Stage.RIGHTS: _grant_rights,
    Stage.ENABLE: _enable,
    Stage.VERIFY: _verify,
}


def listed(objects: Iterable[Object]) -> str:
    """Return objects in a line: of each kind the one by its name, or how many there are."""
    found: dict[str, list[str]] = {}
    for item in objects:
        found.setdefault(item["kind"], []).append(item["metadata"]["name"])
    return ", ".join(
        f"{kind} {names[0]}" if len(names) == 1 else f"{len(names)} × {kind}"  # noqa: RUF001 - so many times
        for kind, names in found.items()
    )


async def enable(testbed: Testbed, client: Client, step: Step, channel: str = CHANNEL) -> None:
    """Add the module to the Kyma and wait until both say Ready."""
    quirks = testbed.managers.quirks
    await deploy.enable_module(client, testbed.module.short_name, channel=channel, quirks=quirks)
    await deploy.wait_until_ready(client, testbed.module, line=step)
    step.note(f"{testbed.module.short_name} is Ready, and the Kyma with it")


async def check(testbed: Testbed, client: Client) -> list[Check]:
    """Verify the module; raises :class:`DeployError` that lists what does not hold."""
    checks = await verify(testbed, client)
    failed = [one for one in checks if not one.ok]
    if failed:
        lines = "".join(f"\n  ✗ {one.name}: {one.detail}" for one in failed)
        raise DeployError(f"{len(failed)} of {len(checks)} checks do not hold:{lines}")
    return checks
