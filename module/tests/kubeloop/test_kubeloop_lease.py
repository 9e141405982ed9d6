"""One of several instances leads, by a Lease on a real API server."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from builders import PATIENCE, config_map
from fake_server import running_fake_server
from memory_leases import MemoryLeases

from kubeloop.client import Client
from kubeloop.errors import ForbiddenError, LeaseLostError, UnreachableError
from kubeloop.kinds import CONFIG_MAP, LEASE
from kubeloop.lease import Lease, LeaseTimings

QUICK = LeaseTimings(duration=2, deadline=1.0, retry=0.1, look=0.1)
HARDLY_EVER_RUNS_OUT = LeaseTimings(duration=3600, deadline=600, retry=0.1, look=0.1)


def a_lease(
    client: Client | MemoryLeases, namespace: str, identity: str, timings: LeaseTimings = QUICK
) -> Lease:
    return Lease(client, "manager", namespace, identity, timings=timings)


async def acquired(lease: Lease) -> Lease:
    async with asyncio.timeout(PATIENCE):
        await lease.acquire()
    return lease


async def holder(client: Client, namespace: str) -> str:
    lease = await client.get(LEASE, "manager", namespace)
    identity: str = lease["spec"]["holderIdentity"]
    return identity


async def test_the_first_to_come_leads(client, namespace):
    lease = await acquired(a_lease(client, namespace, "first"))

    assert lease.remaining() > 0
    assert await holder(client, namespace) == "first"


async def test_a_released_lease_is_taken_over_long_before_it_would_run_out(client, namespace):
    first = await acquired(a_lease(client, namespace, "first", HARDLY_EVER_RUNS_OUT))
    second = asyncio.create_task(a_lease(client, namespace, "second", HARDLY_EVER_RUNS_OUT).acquire())

    await first.release()

    async with asyncio.timeout(PATIENCE):
        await second
    assert first.remaining() == 0
    assert await holder(client, namespace) == "second"


async def test_a_lease_whose_holder_died_is_taken_over_when_it_runs_out(client, namespace):
    await acquired(a_lease(client, namespace, "died"))

    await acquired(a_lease(client, namespace, "second"))

    assert await holder(client, namespace) == "second"


@pytest.mark.looptime
async def test_one_who_waits_looks_more_often_than_a_leader_renews():
    leases = MemoryLeases()
    timings = LeaseTimings(duration=3600, deadline=600, retry=3600, look=0.1)
    first = await acquired(a_lease(leases, "default", "first", timings))
    second = asyncio.create_task(a_lease(leases, "default", "second", timings).acquire())
    await asyncio.sleep(10)

    await first.release()
    await asyncio.sleep(0.2)

    assert second.done()


@pytest.mark.looptime
async def test_a_leader_that_did_not_renew_may_not_work_before_it_has():
    """It was stopped for a while, as it may be."""
    lease = await acquired(a_lease(MemoryLeases(), "default", "stopped", LeaseTimings(deadline=10)))
    await asyncio.sleep(9)
    left = (lease.remaining(), lease.require())
    await asyncio.sleep(1)

    assert left == (1, 1)
    assert lease.remaining() == 0
    with pytest.raises(LeaseLostError, match="was not renewed for 10 s"):
        lease.require()


async def test_nobody_may_work_without_the_lease(client, namespace):
    lease = a_lease(client, namespace, "waiting")

    with pytest.raises(LeaseLostError):
        lease.require()


async def test_a_guarded_client_reads_but_does_not_write(client, namespace):
    lease = a_lease(client, namespace, "waiting")
    guarded = client.guarded(lease.require)
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": namespace}}

    read = await guarded.list(CONFIG_MAP, namespace=namespace)

    assert "one" not in [found["metadata"]["name"] for found in read.items]
    with pytest.raises(LeaseLostError):
        await guarded.create(obj)


async def test_a_write_is_given_up_when_the_lease_ends(tmp_path):
    """Whoever takes over must not meet a late one."""
    answers = asyncio.Event()

    async def late(_request):
        await answers.wait()
        return web.json_response({})

    async with running_fake_server() as server:
        server.on_list = late
        path = server.write_kubeconfig(tmp_path / "kubeconfig", {"token": "secret"})
        async with Client.from_kubeconfig(path, timeout=PATIENCE * 10) as client:
            guarded = client.guarded(lambda: 0.1)

            with pytest.raises(UnreachableError, match="no answer came within 0.1 s"):
                await guarded.create(config_map("a", "default"))
        answers.set()


async def test_a_write_that_has_time_enough_is_bounded_by_its_own_limit(tmp_path):
    answers = asyncio.Event()

    async def late(_request):
        await answers.wait()
        return web.json_response({})

    async with running_fake_server() as server:
        server.on_list = late
        path = server.write_kubeconfig(tmp_path / "kubeconfig", {"token": "secret"})
        async with Client.from_kubeconfig(path, timeout=0.1) as client:
            with pytest.raises(UnreachableError, match="no answer came within 0.1 s"):
                await client.guarded(lambda: 600.0).create(config_map("a", "default"))
        answers.set()


@pytest.mark.looptime
async def test_a_lease_that_is_renewed_is_not_taken_over():
    leases = MemoryLeases()
    first = await acquired(a_lease(leases, "default", "first", LeaseTimings()))
    keeping = asyncio.create_task(first.keep())

    second = asyncio.create_task(a_lease(leases, "default", "second", LeaseTimings()).acquire())
    await asyncio.sleep(10 * LeaseTimings().duration)

    assert not keeping.done()
    assert not second.done()
    assert first.remaining() > 0


@pytest.mark.looptime
@pytest.mark.parametrize("answer", [{}, {"metadata": {}}, [], "text"])
async def test_a_server_that_answers_nonsense_costs_the_lease_and_no_more(answer):
    class Nonsense(MemoryLeases):
        async def get(self, *_args):
            return answer

    lease = a_lease(Nonsense(), "default", "first", LeaseTimings())
    acquiring = asyncio.create_task(lease.acquire())

    await asyncio.sleep(3600)

    assert not acquiring.done()


@pytest.mark.looptime
async def test_one_who_waits_in_vain_says_so_seldom(caplog):
    class Forbidding(MemoryLeases):
        async def get(self, *_args):
            raise ForbiddenError(403, "Forbidden", "no right", method="GET", path="/")

    acquiring = asyncio.create_task(a_lease(Forbidding(), "default", "first", LeaseTimings()).acquire())

    await asyncio.sleep(3599)
    acquiring.cancel()

    assert caplog.messages.count("lease cannot be reached") == 6


@pytest.mark.looptime
async def test_a_renew_time_in_the_past_or_future_of_another_clock_does_not_matter():
    leases = MemoryLeases()
    await acquired(a_lease(leases, "default", "first", LeaseTimings()))
    lease = await leases.get(LEASE, "manager", "default")
    lease["spec"]["renewTime"] = "1999-01-01T00:00:00.000000Z"
    await leases.update(lease)

    second = asyncio.create_task(a_lease(leases, "default", "second", LeaseTimings()).acquire())
    await asyncio.sleep(14)
    before = second.done()
    await asyncio.sleep(4)

    assert (before, second.done()) == (False, True)


async def test_a_leader_that_finds_another_holder_stops_at_once(client, namespace):
    first = await acquired(a_lease(client, namespace, "first", HARDLY_EVER_RUNS_OUT))
    await client.merge_patch(LEASE, "manager", {"spec": {"holderIdentity": "usurper"}}, namespace=namespace)

    with pytest.raises(LeaseLostError, match="has another holder"):
        async with asyncio.timeout(PATIENCE):
            await first.keep()


async def test_a_leader_that_cannot_renew_gives_up(own_plane):
    async with Client.from_kubeconfig(own_plane.kubeconfig) as client:
        timings = LeaseTimings(duration=4, deadline=2, retry=0.1)
        lease = await acquired(a_lease(client, "default", "first", timings))
        await own_plane.kill()

        with pytest.raises(LeaseLostError, match="renewed"):
            async with asyncio.timeout(PATIENCE):
                await lease.keep()


async def test_releasing_leaves_the_lease_of_another_alone(client, namespace):
    await acquired(a_lease(client, namespace, "leader", HARDLY_EVER_RUNS_OUT))

    await a_lease(client, namespace, "standby").release()

    assert await holder(client, namespace) == "leader"


async def test_releasing_without_an_api_server_is_not_an_error(own_plane):
    async with Client.from_kubeconfig(own_plane.kubeconfig) as client:
        lease = await acquired(a_lease(client, "default", "first"))
        await own_plane.kill()

        await lease.release()

        assert lease.remaining() == 0


async def test_a_lease_is_given_back_though_a_renewal_of_ours_lands_meanwhile(client, namespace, monkeypatch):
    lease = await acquired(a_lease(client, namespace, "first", HARDLY_EVER_RUNS_OUT))
    read = client.get

    async def read_before_it_lands(*args):
        monkeypatch.undo()
        found = await read(*args)
        landing = {"spec": {"renewTime": "2022-12-05T12:00:00.000000Z"}}
        await client.merge_patch(LEASE, "manager", landing, namespace=namespace)
        return found

    monkeypatch.setattr(client, "get", read_before_it_lands)
    await lease.release()

    assert not await holder(client, namespace)


async def test_transitions_are_counted(client, namespace):
    for identity in ("first", "second", "third"):
        await (await acquired(a_lease(client, namespace, identity))).release()

    lease = await client.get(LEASE, "manager", namespace)
    assert lease["spec"]["leaseTransitions"] == 2
