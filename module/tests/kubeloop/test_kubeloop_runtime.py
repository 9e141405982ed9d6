"""A runtime starts and stops its parts in order, and tells how they fare."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest
from builders import PATIENCE, config_map, eventually

from kubeloop.controller import Controller, Result
from kubeloop.errors import LeaseLostError
from kubeloop.kinds import CONFIG_MAP, LEASE
from kubeloop.lease import Lease, LeaseTimings
from kubeloop.metrics import PassMetrics, Registry
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


async def test_the_next_instance_works_only_after_the_first_has_finished(client, namespace):
    first, second = Diary(), Diary()
    stop = asyncio.Event()
    running = []
    for name, diary in (("first", first), ("second", second)):
        controller = Controller("test", diary.reconcile)
        controller.enqueue(ObjectKey("", "a"))
        runtime = Runtime(controllers=[controller], lease=leases_of(client, namespace, name))
        running.append(asyncio.create_task(runtime.run(stop if diary is first else asyncio.Event())))
        await eventually(lambda: first.entries)
    stop.set()
    await asyncio.sleep(0.2)
    assert second.entries == []

    first.go.set()
    await eventually(lambda: second.entries)

    assert first.entries[-1] == "pass on a ends"
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


@pytest.mark.looptime
async def test_it_is_unhealthy_once_a_watch_is_stuck():
    class StuckClient:
        server = "https://nowhere"

        async def list(self, *_args, **_settings):
            await asyncio.Event().wait()

    reflector = Reflector(StuckClient(), CONFIG_MAP)
    runtime = Runtime(reflectors=[reflector])
    await asyncio.sleep(1)
    running = asyncio.create_task(runtime.run(asyncio.Event()))

    await asyncio.sleep(60)
    healthy = runtime.healthz()
    await asyncio.sleep(1000)
    stuck = runtime.healthz()

    running.cancel()
    assert (healthy.status, stuck.status) == (200, 503)
    assert "[-] watch ConfigMap.v1: stuck" in stuck.text


async def test_passes_and_queues_are_counted():
    diary = Diary()
    diary.go.set()
    registry = Registry()
    controller = Controller("test", diary.reconcile, observer=PassMetrics(registry))
    controller.enqueue(ObjectKey("", "a"))
    settings = RuntimeSettings(metrics_address=ANY_PORT)
    runtime = Runtime(controllers=[controller], registry=registry, settings=settings)
    stop = asyncio.Event()
    running = asyncio.create_task(runtime.run(stop))
    await eventually(lambda: "pass on a ends" in diary.entries)

    _, text = await get(runtime.metrics_port, "/metrics")

    assert 'controller_runtime_reconcile_total{controller="test",result="success"} 1' in text
    assert 'workqueue_depth{name="test"} 0' in text
    await finish(running, stop)


async def test_a_part_that_breaks_ends_the_whole():
    class BrokenClient:
        server = "https://nowhere"

        async def list(self, *_args, **_settings):
            raise LookupError("a bug")

    runtime = Runtime(reflectors=[Reflector(BrokenClient(), CONFIG_MAP)])

    with pytest.raises(LookupError, match="a bug"):
        await runtime.run(asyncio.Event())


async def test_a_signal_asks_to_stop():
    stop = stop_on_signals(signal.SIGUSR1)

    os.kill(os.getpid(), signal.SIGUSR1)

    async with asyncio.timeout(PATIENCE):
        await stop.wait()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
