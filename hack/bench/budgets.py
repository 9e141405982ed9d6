"""Measure the main job's parts against the start of the cluster, and hold them to budgets.

A busy machine makes everything slower, the start of the control plane included. So every figure is a ratio to
that start, measured in the same round; seconds are printed for people.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubeloop.client import Client
from kubeloop.resource import Kind
from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.kyma.resource_check import kinds_of
from kyma_harness.session.options import Stage, from_environment
from kyma_harness.session.progress import Noted
from kyma_harness.session.setup import Testbed, set_up
from kyma_harness.session.stages import walk
from kyma_harness.wait.claims import has_state
from kyma_harness.wait.steps import StepLog
from kyma_harness.wait.waits import Target, wait_for

ROUNDS = 3
YARDSTICK = "start the cluster"
BUDGETS = {
    "deploy the lifecycle managers": 0.6,
    "enable the module": 2.0,
    "switch to eventmesh": 0.7,
    "switch back to nats": 1.2,
    "disable the module": 1.2,
    "stop the cluster": 1.0,
}
"""How often the yardstick fits in, at the most: about twice what an idle machine needs."""
PARTS = {
    "cluster": YARDSTICK,
    "lifecycle managers": "deploy the lifecycle managers",
    "enable": "enable the module",
}
"""What the main job's stages are called here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round's times, in seconds, by what was done."""

    seconds: dict[str, float]

    async def timed(self, name: str, work: Awaitable[object]) -> None:
        """Do the work and note how long it took."""
        started = time.perf_counter()
        await work
        self.seconds[name] = time.perf_counter() - started

    def ratio(self, name: str) -> float:
        """Return how often the yardstick fits into a part."""
        return self.seconds[name] / self.seconds[YARDSTICK]


async def measure(number: int) -> Round:
    """Take the module through its life once, in a cluster of its own."""
    settings = from_environment(
        cluster=f"bench-{number}", provider="embedded", kyma=Choice.AUTO, detached=False
    )
    testbed, one, steps = await set_up(settings), Round(seconds={}), StepLog()
    try:
        await walk(testbed, Noted(steps), last=Stage.ENABLE)
        taken = {step.name: step.seconds for step in steps.steps}
        one.seconds.update({part: taken[step] for step, part in PARTS.items()})
        async with testbed.client() as client:
            await _live(testbed, client, one)
    finally:
        await one.timed("stop the cluster", testbed.stop())
        settings.forget_empty_folders()
    return one


async def _live(testbed: Testbed, client: Client, one: Round) -> None:
    module = testbed.module.short_name
    await one.timed("switch to eventmesh", _switch(testbed, client, "eventmesh"))
    await one.timed("switch back to nats", _switch(testbed, client, "nats"))
    await deploy.disable_module(client, module, quirks=testbed.managers.quirks)
    kinds = kinds_of(testbed.module)
    await one.timed("disable the module", deploy.wait_until_removed(client, module, kinds=kinds))


async def _switch(testbed: Testbed, client: Client, backend: str) -> None:
    kind, name = Kind.of(dict(testbed.module.default_cr)), deploy.instance_name(testbed.module.short_name)
    await client.merge_patch(kind, name, {"spec": {"backend": {"type": backend}}}, namespace=KCP_NAMESPACE)
    target = Target(kind=kind, name=name, namespace=KCP_NAMESPACE)
    await wait_for(client, target, has_state("Ready"), what="be Ready")


def report(rounds: list[Round], say: Callable[[str], object]) -> bool:
    """Print a table; tell whether every budget is kept by the median of the rounds."""
    say(f"{'part':<32}{'seconds':>9}{'ratio':>8}{'budget':>8}")
    kept = True
    for name in (YARDSTICK, *BUDGETS):
        seconds = statistics.median(one.seconds[name] for one in rounds)
        ratio = statistics.median(one.ratio(name) for one in rounds)
        budget = BUDGETS.get(name)
        over = budget is not None and ratio > budget
        kept = kept and not over
        say(f"{name:<32}{seconds:>9.2f}{ratio:>8.2f}{budget or 1:>8.2f}{'  over budget' if over else ''}")
    return kept


async def main() -> int:
    """Measure some rounds; return 1 where a budget is not kept."""
    rounds = [await measure(number) for number in range(ROUNDS)]
    return 0 if report(rounds, print) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
