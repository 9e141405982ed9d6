"""Of two managers one works; when it goes the other does, soon, and never both."""

import signal
import time
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from proof_manager import Manager
from proof_objects import ACCOUNT, NAMESPACE
from proof_phases import PROVISION, SWITCH
from proof_rig import Rig, is_work
from proof_state import until_state_is

from kyma_harness.faults.plan import Calm
from kyma_harness.faults.proxy import ApiProxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = {signal.SIGTERM: 2.0, signal.SIGKILL: 20.0}
"""Seconds until the other one leads: the contract's figures."""


@asynccontextmanager
async def a_pair(cluster, folder):
    """Run two managers, each behind a proxy of its own; the first one leads."""
    async with AsyncExitStack() as stack:
        pair = []
        for name in ("manager-0", "manager-1"):
            proxy = await stack.enter_async_context(await ApiProxy.before(cluster.kubeconfig))
            kubeconfig = await proxy.kubeconfig_for(cluster.client, ACCOUNT, NAMESPACE, folder / name)
            manager = Manager(cluster, kubeconfig, log=folder / f"{name}.log", name=name)
            rig = Rig(cluster.client, proxy, manager)
            await manager.start()
            stack.push_async_callback(manager.stop)
            await (rig.until_quiet() if pair else rig.until_idle())
            pair.append(rig)
        await pair[0].clear()
        yield pair
        await pair[1].clear()


def acquired_at(rig):
    """Return when a manager was first let have the lease."""
    entries = (one for one in rig.proxy.record.entries if str(one.call).startswith("update leases"))
    return next(one.at for one in entries if one.status == 200)


def last_work_of(rig):
    writes = [one.at for one in rig.proxy.record.entries if one.call.is_write and is_work(one.call)]
    return max(writes, default=0.0)


async def hand_over(pair, number):
    """Send the leader a signal in the middle of a switch; return the seconds until the other leads."""
    first, second = pair
    await first.take(PROVISION, Calm())
    await SWITCH.act(first.client)
    sent = time.monotonic()
    first.manager.signal(number)
    await second.until_idle()
    await SWITCH.settled(second.client)
    await second.until_quiet()
    return acquired_at(second) - sent


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="SIGTERM", marks=pytest.mark.long),
        pytest.param(signal.SIGKILL, id="SIGKILL", marks=pytest.mark.long),
    ],
)
async def test_the_other_manager_takes_over_in_time_and_never_works_beside_the_first(
    cluster, reference, tmp_path, say, number
):
    async with a_pair(cluster, tmp_path) as pair:
        seconds = await hand_over(pair, number)
        first, second = pair

        say(f"hand-over on {number.name}", f"{seconds:.2f} s")
        await until_state_is(cluster.client, reference.states["switch"])
        assert seconds < LIMITS[number]
        assert last_work_of(first) < acquired_at(second)


@pytest.mark.long
async def test_a_leader_that_wakes_up_after_its_lease_ran_out_writes_nothing_more(cluster, tmp_path):
    async with a_pair(cluster, tmp_path) as (first, second):
        await first.take(PROVISION, Calm())
        first.manager.signal(signal.SIGSTOP)
        await second.until_idle()
        await SWITCH.act(second.client)

        first.manager.signal(signal.SIGCONT)
        code = await first.manager.ended()
        await SWITCH.settled(second.client)

        assert code == 1
        assert last_work_of(first) < acquired_at(second)
