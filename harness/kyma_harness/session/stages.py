"""The main job: from nothing to a verified module, stage by stage.

Whoever takes it, the command line, a session of pytest or a bench, walks the same stages and is told of them
by a sink of its own.
"""

from collections.abc import Awaitable, Callable, Iterable

from kubeloop.client import Client
from kubeloop.resource import Object
from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import CHANNEL
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE
from kyma_harness.kyma.errors import DeployError
from kyma_harness.kyma.verify import Check, verify
from kyma_harness.session import lifetime
from kyma_harness.session.lifetime import Start
from kyma_harness.session.options import Stage
from kyma_harness.session.progress import Sink
from kyma_harness.session.setup import Testbed
from kyma_harness.wait.live_wait import Line
from kyma_harness.wait.steps import Step

WORTH_NAMING = 0.5
"""Seconds from which on a part's time is told."""
DEPLOYING = frozenset({Stage.BUNDLE, Stage.MANAGERS, Stage.KYMA, Stage.RIGHTS})
"""What need not be done again where it is noted as done, of the same parts."""


async def walk(
    testbed: Testbed,
    sink: Sink,
    *,
    first: Stage = Stage.CLUSTER,
    last: Stage,
    anew: bool = True,
) -> Start | None:
    """Take every stage from one to another, and return how one came by the cluster, if that was among them.

    A stage that was taken before finds its work done. Without ``anew``, what is noted as deployed, of the
    same parts, is not even looked at.
    """
    start: Start | None = None
    async with lifetime.making(testbed.settings):
        for stage, run in STAGES:
            if stage not in Stage.between(first, last):
                continue
            if stage in DEPLOYING and start and start.is_deployed and not anew:
                continue
            start = await run(testbed, sink) or start
            if (first, stage) == (Stage.CLUSTER, Stage.RIGHTS):
                lifetime.note_deployed(testbed)
    return start


async def _start(testbed: Testbed, sink: Sink) -> Start:
    with sink.step("cluster") as step:
        parts: list[str] = []
        remarks: list[str] = []

        def take(part: Step) -> None:
            sink.part(part)
            if part.state == "running":
                sink.say(f"{part.name}: {part.note}")
            if part.state == "ready" and part.note:
                remarks.append(part.note)
            if part.state == "ready" and part.name != "cluster" and part.seconds >= WORTH_NAMING:
                parts.append(f"{part.name} {part.seconds:.1f} s")

        started = await lifetime.start(testbed, take)
        step.remark(testbed.provider.name)
        if started.found or parts:
            step.remark("was running already" if started.found else " · ".join(parts))
    sink.detail(testbed.chosen.reason)
    for remark in remarks:
        sink.detail(remark)
    for change in started.changes if started.found else ():
        sink.detail(f"since it was made, {change}")
    with sink.step("registry") as step:
        step.remark(testbed.provider.registry.push)
    return started


async def _bundle(testbed: Testbed, sink: Sink) -> None:
    with sink.step("bundle") as step:
        released = await testbed.bundle(sink.show)
        step.remark(f"{testbed.module.name}:{testbed.module.version} pushed")
    sink.detail(f"default CR checked by {released.judge}")


async def _deploy_managers(testbed: Testbed, sink: Sink) -> None:
    with sink.step("lifecycle managers") as step:
        async with testbed.client() as client:
            applied = await testbed.deploy_managers(client)
        step.remark(f"{testbed.managers.pair} pair")
    sink.detail(testbed.managers.reason)
    sink.detail(f"applied {listed(applied)}")


async def _deploy_kyma(testbed: Testbed, sink: Sink) -> None:
    with sink.step("kyma") as step:
        async with testbed.client() as client:
            applied = await testbed.deploy_kyma(client)
        step.remark(f"{KCP_NAMESPACE}/{DEFAULT_KYMA}")
    sink.detail(f"applied {listed(applied)}")


async def _grant_rights(testbed: Testbed, sink: Sink) -> None:
    with sink.step("rights") as step:
        async with testbed.client() as client:
            await deploy.grant_rights(client)
        step.remark("module-manager may install what modules contain")


async def _enable(testbed: Testbed, sink: Sink) -> None:
    with sink.step("enable") as step:
        async with testbed.client() as client:
            await enable(testbed, client, sink)
        step.remark(f"{testbed.module.short_name} is Ready, and the Kyma with it")


async def _verify(testbed: Testbed, sink: Sink) -> None:
    with sink.step("verify") as step:
        async with testbed.client() as client:
            checks = await check(testbed, client)
        step.remark(f"{len(checks)} of {len(checks)} checks hold")
    for one in checks:
        sink.detail(f"✓ {one.name}")


Run = Callable[[Testbed, Sink], Awaitable[Start | None]]
STAGES: tuple[tuple[Stage, Run], ...] = (
    (Stage.CLUSTER, _start),
    (Stage.BUNDLE, _bundle),
    (Stage.MANAGERS, _deploy_managers),
    (Stage.KYMA, _deploy_kyma),
    (Stage.RIGHTS, _grant_rights),
    (Stage.ENABLE, _enable),
    (Stage.VERIFY, _verify),
)
"""The whole job, in its order."""


def listed(objects: Iterable[Object]) -> str:
    """Return objects in a line: of each kind the one by its name, or how many there are."""
    found: dict[str, list[str]] = {}
    for item in objects:
        found.setdefault(item["kind"], []).append(item["metadata"]["name"])
    return ", ".join(
        f"{kind} {names[0]}" if len(names) == 1 else f"{len(names)} × {kind}"  # noqa: RUF001 - so many times
        for kind, names in found.items()
    )


async def enable(testbed: Testbed, client: Client, line: Line, channel: str = CHANNEL) -> None:
    """Add the module to the Kyma and wait until both say Ready; the line tells how far that is."""
    quirks = testbed.managers.quirks
    await deploy.enable_module(client, testbed.module.short_name, channel=channel, quirks=quirks)
    await deploy.wait_until_ready(client, testbed.module, line=line)


async def check(testbed: Testbed, client: Client) -> list[Check]:
    """Verify the module; raises :class:`DeployError` that lists what does not hold."""
    checks = await verify(testbed, client)
    failed = [one for one in checks if not one.ok]
    if failed:
        lines = "".join(f"\n  ✗ {one.name}: {one.detail}" for one in failed)
        raise DeployError(f"{len(failed)} of {len(checks)} checks do not hold:{lines}")
    return checks
