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
from kyma_harness.host.choices import CHANNEL, Choice
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.kyma.resource_check import kinds_of
from kyma_harness.session import lifetime
from kyma_harness.session.settings import from_environment
from kyma_harness.session.setup import Testbed, set_up
from kyma_harness.wait.claims import has_state
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
    testbed, one = await set_up(settings), Round(seconds={})
    try:
        await one.timed(YARDSTICK, lifetime.start(testbed, lambda _: None))
        await testbed.bundle()
        async with testbed.client() as client:
            await _live(testbed, client, one)
    finally:
        await one.timed("stop the cluster", testbed.stop())
        settings.forget_empty_folders()
    return one


async def _live(testbed: Testbed, client: Client, one: Round) -> None:
    module = testbed.module.short_name
    await one.timed("deploy the lifecycle managers", testbed.deploy_managers(client))
    await deploy.grant_rights(client)
    await testbed.deploy_kyma(client)
    await one.timed("enable the module", _enable(testbed, client))
    await one.timed("switch to eventmesh", _switch(testbed, client, "eventmesh"))
    await one.timed("switch back to nats", _switch(testbed, client, "nats"))
    await deploy.disable_module(client, module, quirks=testbed.managers.quirks)
    kinds = kinds_of(testbed.module)
    await one.timed("disable the module", deploy.wait_until_removed(client, module, kinds=kinds))


async def _enable(testbed: Testbed, client: Client) -> None:
    module, quirks = testbed.module.short_name, testbed.managers.quirks
    await deploy.enable_module(client, module, channel=CHANNEL, quirks=quirks)
    await deploy.wait_until_ready(client, testbed.module)


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
