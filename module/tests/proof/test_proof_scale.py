"""A thousand Eventings in a thousand namespaces: one is served, the others wait, and nobody notices."""

import asyncio
import os
import time
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from proof_cluster import proof_cluster
from proof_manager import Manager
from proof_objects import ACCOUNT, EVENTING, NAME, NAMESPACE, eventing, namespace
from proof_rig import Rig

from kubeloop.reflector import Reflector
from kyma_harness.faults.proxy import ApiProxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 1000
AT_ONCE = 20
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


@asynccontextmanager
async def states_of(client):
    """Follow the states of all Eventings by a watch: to list a thousand again and again is a load itself."""
    changed = asyncio.Event()
    reflector = Reflector(client, EVENTING, on_change=lambda _old, _new: changed.set())
    watching = asyncio.create_task(reflector.run())
    await reflector.synced.wait()

    async def until(expected):
        async with asyncio.timeout(3 * SECONDS):
            while Counter(one.get("status", {}).get("state") for one in reflector.all()) != expected:
                changed.clear()
                await changed.wait()

    yield until
    watching.cancel()
    await asyncio.wait([watching])


def resident_megabytes(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def seconds_of_cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        async with states_of(cluster.client) as until, manager.kept_alive():
            await until({"Ready": 1, "Warning": MANY - 1})
            took, memory, cpu = (
                time.monotonic() - started, resident_megabytes(manager.pid), seconds_of_cpu(manager.pid)
            )  # fmt: skip
            rig = Rig(cluster.client, proxy, manager)
            await rig.until_quiet()
            first = await cluster.client.get(EVENTING, NAME, "tenant-0")

    say("settled after", f"{took:.1f} s")
    say("of that on the CPU", f"{cpu:.1f} s")
    say("most memory", f"{memory:.0f} MB")
    assert first["status"]["state"] == "Ready"
    assert took < SECONDS
    assert memory < MEGABYTES
