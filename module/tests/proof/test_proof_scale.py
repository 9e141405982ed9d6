"""A thousand Eventings in a thousand namespaces: one is served, the others wait, and nobody notices."""

import asyncio
import time
from pathlib import Path

import pytest
from proof_cluster import proof_cluster
from proof_manager import Manager
from proof_objects import ACCOUNT, EVENTING, NAME, NAMESPACE, eventing, namespace
from proof_rig import Rig

from harness.faults.proxy import ApiProxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 1000
AT_ONCE = 20
LOOK = 0.5
SECONDS, MEGABYTES = 60, 120
"""The contract's figures."""


async def create_all(client):
    """Create the namespaces and the Eventings in them, some at a time; the first one is the oldest."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(number):
        async with limit:
            await client.create(namespace(f"tenant-{number}"))
            await client.create(eventing(namespace=f"tenant-{number}", backend="eventmesh"))

    await one(0)
    await asyncio.gather(*(one(number) for number in range(1, MANY)))


async def states(client):
    found = (await client.list(EVENTING)).items
    return sorted(one.get("status", {}).get("state", "none") for one in found)


async def until_settled(client):
    expected = sorted(["Ready", *["Warning"] * (MANY - 1)])
    async with asyncio.timeout(3 * SECONDS):
        while await states(client) != expected:  # noqa: ASYNC110 - a watch of a thousand is what is measured
            await asyncio.sleep(LOOK)


def resident_megabytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_thousand_eventings_settle_in_a_minute_and_in_little_memory(tools, tmp_path, say):
    async with (
        proof_cluster(tmp_path, tools) as cluster,
        await ApiProxy.before(cluster.kubeconfig) as proxy,
    ):
        kubeconfig = await proxy.kubeconfig_for(cluster.client, ACCOUNT, NAMESPACE, tmp_path / "kubeconfig")
        manager = Manager(cluster, kubeconfig, log=tmp_path / "manager.log")
        await create_all(cluster.client)
        started = time.monotonic()
        async with manager.kept_alive():
            await until_settled(cluster.client)
            took, memory = time.monotonic() - started, resident_megabytes(manager.pid)
            rig = Rig(cluster.client, proxy, manager)
            await rig.until_quiet()
            first = await cluster.client.get(EVENTING, NAME, "tenant-0")

    say("settled after", f"{took:.1f} s")
    say("most memory", f"{memory:.0f} MB")
    assert first["status"]["state"] == "Ready"
    assert took < SECONDS
    assert memory < MEGABYTES
