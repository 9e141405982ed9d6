"""A runtime starts and stops its parts in order, and tells how they fare."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp
import pytest
from builders import PATIENCE, config_map, eventually
from memory_leases import MemoryLeases
from prometheus_client import CollectorRegistry
from scripted_client import Failing, ScriptedClient

from kubeloop.controller import Controller, Result
from kubeloop.errors import ForbiddenError, LeaseLostError, ServerError
from kubeloop.kinds import CONFIG_MAP, LEASE, SECRET
from kubeloop.lease import Lease, LeaseTimings
from kubeloop.metrics import PassMetrics
from kubeloop.reflector import Reflector
from kubeloop.resource import ObjectKey
from kubeloop.runtime import Runtime, RuntimeSettings, stop_on_signals

if TYPE_CHECKING:
    from kubeloop.client import Client

ANY_PORT = "127.0.0.1:0"
NEVER_RUNS_OUT = LeaseTimings(duration=3600, deadline=600, retry=0.05)


class Diary:
    """Note what happens, in order; a pass takes until the test lets it go."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.go = asyncio.Event()

    async def reconcile(self, key: ObjectKey) -> Result:
        self.entries.append(f"pass on {key.name} begins")
        await self.go.wait()
        self.entries.append(f"pass on {key.name} ends")
        return Result()

    async def deprovision(self) -> None:
        self.entries.append("deprovision")


async def get(port: int | None, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


def leases_of(client: Client, namespace: str, identity: str) -> Lease:
    return Lease(client, "manager", namespace, identity, timings=NEVER_RUNS_OUT)


async def holder(client: Client, namespace: str) -> str:
    lease = await client.get(LEASE, "manager", namespace)
    identity: str = lease["spec"]["holderIdentity"]
    return identity


async def finish(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    stop.set()
    async with asyncio.timeout(PATIENCE):
        await running


async def test_keys_from_a_reflector_are_reconciled(client, namespace):
    diary = Diary()
    diary.go.set()
    controller = Controller("test", diary.reconcile)
    reflector = Reflector(
        client,
        CONFIG_MAP,
        namespace=namespace,
        on_change=lambda old, new: controller.enqueue(ObjectKey.of(new or old)),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(Runtime(reflectors=[reflector], controllers=[controller]).run(stop))

    await client.create(config_map("a", namespace))
    await eventually(lambda: "pass on a ends" in diary.entries)

    await finish(running, stop)


async def test_stopping_ends_passes_then_deprovisions_then_gives_the_lease_back(client, namespace):
    diary = Diary()
    controller = Controller("test", diary.reconcile)
    controller.enqueue(ObjectKey("", "a"))
    controller.enqueue(ObjectKey("", "b"))

    async def before_release() -> None:
        await diary.deprovision()
        diary.entries.append(f"lease of {await holder(client, namespace)}")

    runtime = Runtime(
        controllers=[controller],
        lease=leases_of(client, namespace, "first"),
        before_release=before_release,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(runtime.run(stop))
    await eventually(lambda: diary.entries)

    stop.set()
    diary.go.set()
    await finish(running, stop)

    assert diary.entries == ["pass on a begins", "pass on a ends", "deprovision", "lease of first"]
    assert await holder(client, namespace) == ""


@pytest.mark.looptime
async def test_the_next_instance_works_only_after_the_first_has_finished():
    leases = MemoryLeases()
    first, second = Diary(), Diary()
    stop = asyncio.Event()
    running = []
    for name, diary in (("first", first), ("second", second)):
        controller = Controller("test", diary.reconcile)
        controller.enqueue(ObjectKey("", "a"))
        runtime = Runtime(controllers=[controller], lease=Lease(leases, "manager", "default", name))
        running.append(asyncio.create_task(runtime.run(stop if diary is first else asyncio.Event())))
        await asyncio.sleep(30)
    stop.set()
    await asyncio.sleep(15)
    before = list(second.entries)

    first.go.set()
    await asyncio.sleep(5)

    assert (before, second.entries) == ([], ["pass on a begins"])
    assert first.entries == ["pass on a begins", "pass on a ends"]
    running[1].cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_lost_lease_stops_passes_at_once_and_never_deprovisions(client, namespace):
    diary = Diary()
    controller = Controller("test", diary.reconcile)
    controller.enqueue(ObjectKey("", "a"))
    runtime = Runtime(
        controllers=[controller],
        lease=leases_of(client, namespace, "first"),
        before_release=diary.deprovision,
    )
    running = asyncio.create_task(runtime.run(asyncio.Event()))
    await eventually(lambda: diary.entries)

    usurped = {"spec": {"holderIdentity": "usurper"}}
    await client.merge_patch(LEASE, "manager", usurped, namespace=namespace)

    with pytest.raises(LeaseLostError):
        async with asyncio.timeout(PATIENCE):
            await running
    assert diary.entries == ["pass on a begins"]
    assert await holder(client, namespace) == "usurper"


async def test_a_pass_that_does_not_end_is_cut_off_and_the_lease_given_back(client, namespace):
    diary = Diary()
    controller = Controller("test", diary.reconcile)
    controller.enqueue(ObjectKey("", "a"))
    runtime = Runtime(
        controllers=[controller],
        lease=leases_of(client, namespace, "first"),
        settings=RuntimeSettings(drain=0.1),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(runtime.run(stop))
    await eventually(lambda: diary.entries)

    await finish(running, stop)

    assert diary.entries == ["pass on a begins"]
    assert await holder(client, namespace) == ""


async def test_stopping_while_another_leads_ends_at_once(client, namespace):
    await leases_of(client, namespace, "leader").acquire()
    diary = Diary()
    runtime = Runtime(lease=leases_of(client, namespace, "standby"), before_release=diary.deprovision)
    stop = asyncio.Event()
    running = asyncio.create_task(runtime.run(stop))

    await finish(running, stop)

    assert diary.entries == []
    assert await holder(client, namespace) == "leader"


async def test_it_is_ready_from_the_first_copies_until_it_stops(client, namespace):
    diary = Diary()
    controller = Controller("test", diary.reconcile)
    controller.enqueue(ObjectKey("", "a"))
    reflector = Reflector(client, CONFIG_MAP, namespace=namespace)
    runtime = Runtime(
        reflectors=[reflector],
        controllers=[controller],
        settings=RuntimeSettings(health_address=ANY_PORT),
    )
    assert runtime.readyz().status == 503

    stop = asyncio.Event()
    running = asyncio.create_task(runtime.run(stop))
    await eventually(lambda: diary.entries)
    assert (await get(runtime.health_port, "/readyz"))[0] == 200

    stop.set()
    await eventually(lambda: runtime.readyz().status == 503)
    assert "stopping" in (await get(runtime.health_port, "/readyz"))[1]
    assert (await get(runtime.health_port, "/healthz"))[0] == 200

    diary.go.set()
    await finish(running, stop)


@asynccontextmanager
async def started(runtime: Runtime):
    """Run a runtime whose clients are scripted; time passes at once."""
    running = asyncio.create_task(runtime.run(asyncio.Event()))
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.looptime
async def test_it_is_unhealthy_once_a_watch_is_stuck():
    reflector = Reflector(ScriptedClient(lists=(asyncio.Event(),)), CONFIG_MAP, required=False)
    runtime = Runtime(reflectors=[reflector])
    await asyncio.sleep(1)

    async with started(runtime):
        await asyncio.sleep(60)
        healthy = runtime.healthz()
        await asyncio.sleep(1000)
        stuck = runtime.healthz()

    assert (healthy.status, stuck.status) == (200, 503)
    assert "[-] watch ConfigMap.v1: stuck" in stuck.text


@pytest.mark.looptime
async def test_it_is_unhealthy_once_a_required_copy_has_been_missing_for_two_minutes():
    refused = ForbiddenError(403, "Forbidden", "no right to list", method="GET", path="/api")
    runtime = Runtime(reflectors=[Reflector(Failing(refused), CONFIG_MAP, name="the lamps")])

    async with started(runtime):
        await asyncio.sleep(119)
        healthy = runtime.healthz()
        await asyncio.sleep(2)
        missing = runtime.healthz()

    assert (healthy.status, missing.status) == (200, 503)
    assert "[-] watch the lamps: not synced for 121 s: ForbiddenError" in missing.text
    assert "no right to list" in missing.text


@pytest.mark.looptime
async def test_a_required_copy_that_came_late_is_healthy_again():
    down = (ServerError(503, "Unavailable", "", method="GET", path="/", retry_after=50),) * 3
    runtime = Runtime(reflectors=[Reflector(ScriptedClient(lists=down), CONFIG_MAP)])

    async with started(runtime):
        await asyncio.sleep(130)
        missing = runtime.healthz()
        await asyncio.sleep(60)
        complete = runtime.healthz()

    assert (missing.status, complete.status) == (503, 200)


@pytest.mark.looptime
async def test_a_copy_that_is_not_required_keeps_nothing_from_starting_and_nobody_healthy(caplog):
    """A kind whose conversion webhook is dead cannot be listed, for days."""
    diary = Diary()
    diary.go.set()
    controller = Controller("test", diary.reconcile)
    controller.enqueue(ObjectKey("", "a"))
    dead = Failing(ServerError(500, "InternalError", "conversion webhook failed", method="GET", path="/"))
    reflectors = [
        Reflector(ScriptedClient(), CONFIG_MAP),
        Reflector(dead, SECRET, required=False, name="the optional"),
    ]
    runtime = Runtime(reflectors=reflectors, controllers=[controller])

    async with started(runtime):
        await asyncio.sleep(5)
        passes, ready = list(diary.entries), runtime.readyz()
        await asyncio.sleep(3600)
        healthy = runtime.healthz()

    assert passes == ["pass on a begins", "pass on a ends"]
    assert (ready.status, healthy.status) == (200, 200)
    assert "start does not wait for copies that are not required" in caplog.messages


@pytest.mark.looptime
async def test_the_start_waits_for_a_copy_that_is_not_required_but_comes_in_time():
    late = ServerError(503, "Unavailable", "", method="GET", path="/", retry_after=2)
    diary = Diary()
    controller = Controller("test", diary.reconcile)
    controller.enqueue(ObjectKey("", "a"))
    reflector = Reflector(ScriptedClient(lists=(late,)), CONFIG_MAP, required=False)

    async with started(Runtime(reflectors=[reflector], controllers=[controller])):
        await asyncio.sleep(1.9)
        before = list(diary.entries)
        await asyncio.sleep(0.5)

        assert (before, diary.entries) == ([], ["pass on a begins"])


@pytest.mark.looptime
async def test_it_is_unhealthy_once_a_pass_does_not_end():
    diary = Diary()
    controller = Controller("lamps", diary.reconcile)
    runtime = Runtime(controllers=[controller])

    async with started(runtime):
        await asyncio.sleep(1000)
        controller.enqueue(ObjectKey("default", "a"))
        await asyncio.sleep(299)
        healthy = runtime.healthz()
        await asyncio.sleep(2)
        stuck = runtime.healthz()
        diary.go.set()
        await asyncio.sleep(1)
        over = runtime.healthz()

    assert (healthy.status, stuck.status, over.status) == (200, 503, 200)
    assert "[-] passes lamps: the pass on default/a has not ended for 301 s" in stuck.text


class HeldLease:
    """A lease that is ours until it is given back."""

    def __init__(self) -> None:
        self.released_at: float | None = None

    async def acquire(self) -> None:
        """Have it at once."""

    async def keep(self) -> None:
        await asyncio.Event().wait()

    async def release(self) -> None:
        self.released_at = asyncio.get_running_loop().time()


@pytest.mark.looptime
async def test_a_pass_that_refuses_to_be_cancelled_does_not_keep_the_lease():
    """It waits for a child process, as it may be, which does not end either."""
    ends = asyncio.Event()

    async def reconcile(_key: ObjectKey) -> Result:
        while not ends.is_set():
            with suppress(asyncio.CancelledError):
                await ends.wait()
        return Result()

    lease, stop = HeldLease(), asyncio.Event()
    controller = Controller("test", reconcile)
    controller.enqueue(ObjectKey("", "a"))
    running = asyncio.create_task(Runtime(controllers=[controller], lease=lease).run(stop))
    await asyncio.sleep(1)

    stop.set()
    await asyncio.sleep(30)
    released_at = lease.released_at
    ends.set()
    await running

    assert released_at == 1 + 20 + 2


class Hanging(MemoryLeases):
    """Answer until told to hang."""

    hangs = False

    async def get(self, kind, name, namespace):
        if self.hangs:
            await asyncio.Event().wait()
        return await super().get(kind, name, namespace)


@pytest.mark.looptime
async def test_stopping_is_over_before_a_pod_would_be_killed():
    """Neither the passes nor the API server help: the grace period is 30 s."""
    leases, stop = Hanging(), asyncio.Event()

    async def before_release() -> None:
        await asyncio.sleep(19.9)
        leases.hangs = True

    lease = Lease(leases, "manager", "default", "first")
    running = asyncio.create_task(Runtime(lease=lease, before_release=before_release).run(stop))
    await asyncio.sleep(1)

    stop.set()
    await running

    assert asyncio.get_running_loop().time() < 1 + 25


async def test_passes_and_queues_are_counted():
    diary = Diary()
    diary.go.set()
    registry = CollectorRegistry()
    controller = Controller("test", diary.reconcile, observer=PassMetrics(registry))
    controller.enqueue(ObjectKey("", "a"))
    settings = RuntimeSettings(metrics_address=ANY_PORT)
    runtime = Runtime(controllers=[controller], registry=registry, settings=settings)
    stop = asyncio.Event()
    running = asyncio.create_task(runtime.run(stop))
    await eventually(lambda: "pass on a ends" in diary.entries)

    url = f"http://127.0.0.1:{runtime.metrics_port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        text = await answer.text()

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'controller_runtime_reconcile_total{controller="test",result="success"} 1.0' in text
    assert 'workqueue_depth{name="test"} 0.0' in text
    await finish(running, stop)


async def test_a_part_that_breaks_ends_the_whole():
    class Broken(Controller):
        async def run(self) -> None:
            raise LookupError("a bug")

    async def nothing(_key):
        return Result()

    with pytest.raises(LookupError, match="a bug"):
        await Runtime(controllers=[Broken("broken", nothing)]).run(asyncio.Event())


async def test_a_signal_asks_to_stop():
    stop = stop_on_signals(signal.SIGUSR1)

    os.kill(os.getpid(), signal.SIGUSR1)

    async with asyncio.timeout(PATIENCE):
        await stop.wait()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
