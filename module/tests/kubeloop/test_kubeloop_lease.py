"""One of several instances leads, by a Lease on a real API server."""

from __future__ import annotations

import asyncio

import pytest
from builders import PATIENCE

from kubeloop.client import Client
from kubeloop.errors import LeaseLostError
from kubeloop.kinds import CONFIG_MAP, LEASE
from kubeloop.lease import Lease, LeaseTimings

QUICK = LeaseTimings(duration=2, deadline=1.0, retry=0.1, look=0.1)
HARDLY_EVER_RUNS_OUT = LeaseTimings(duration=3600, deadline=600, retry=0.1, look=0.1)


def a_lease(client: Client, namespace: str, identity: str, timings: LeaseTimings = QUICK) -> Lease:
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

    assert lease.held
    assert await holder(client, namespace) == "first"


async def test_a_released_lease_is_taken_over_long_before_it_would_run_out(client, namespace):
    first = await acquired(a_lease(client, namespace, "first", HARDLY_EVER_RUNS_OUT))
    second = asyncio.create_task(a_lease(client, namespace, "second", HARDLY_EVER_RUNS_OUT).acquire())

    await first.release()

    async with asyncio.timeout(PATIENCE):
        await second
    assert not first.held
    assert await holder(client, namespace) == "second"


async def test_a_lease_whose_holder_died_is_taken_over_when_it_runs_out(client, namespace):
    await acquired(a_lease(client, namespace, "died"))

    await acquired(a_lease(client, namespace, "second"))

    assert await holder(client, namespace) == "second"


async def test_one_who_waits_looks_more_often_than_a_leader_renews(client, namespace):
    timings = LeaseTimings(duration=3600, deadline=600, retry=3600, look=0.1)
    first = await acquired(a_lease(client, namespace, "first", timings))
    second = asyncio.create_task(a_lease(client, namespace, "second", timings).acquire())
    await asyncio.sleep(0.2)  # it has found the lease held, and waits

    await first.release()

    async with asyncio.timeout(PATIENCE):
        await second


async def test_a_leader_that_was_stopped_for_too_long_may_not_work_before_it_has_renewed(
    client, namespace, monkeypatch
):
    timings = LeaseTimings(duration=3600, deadline=60, retry=0.1)
    lease = await acquired(a_lease(client, namespace, "stopped", timings))
    lease.require()

    loop = asyncio.get_running_loop()
    later = loop.time() + 61  # as if the process had been stopped: it did not renew
    with monkeypatch.context() as patch:
        patch.setattr(loop, "time", lambda: later)

        with pytest.raises(LeaseLostError, match="was not renewed"):
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


async def test_a_lease_that_is_renewed_is_not_taken_over(client, namespace):
    timings = LeaseTimings(duration=20, deadline=18, retry=0.1, look=0.1)
    first = await acquired(a_lease(client, namespace, "first", timings))
    keeping = asyncio.create_task(first.keep())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.2 * timings.duration):
            await a_lease(client, namespace, "second", timings).acquire()

    keeping.cancel()
    assert await holder(client, namespace) == "first"


async def test_a_renew_time_in_the_past_or_future_of_another_clock_does_not_matter(client, namespace):
    first = await acquired(a_lease(client, namespace, "first", HARDLY_EVER_RUNS_OUT))
    await client.merge_patch(
        LEASE, "manager", {"spec": {"renewTime": "1999-01-01T00:00:00.000000Z"}}, namespace=namespace
    )

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await a_lease(client, namespace, "second").acquire()

    assert await holder(client, namespace) == first.identity


async def test_a_leader_that_finds_another_holder_stops_at_once(client, namespace):
    first = await acquired(a_lease(client, namespace, "first", HARDLY_EVER_RUNS_OUT))
    await client.merge_patch(LEASE, "manager", {"spec": {"holderIdentity": "usurper"}}, namespace=namespace)

    with pytest.raises(LeaseLostError, match="has another holder"):
        async with asyncio.timeout(PATIENCE):
            await first.keep()


async def test_a_leader_that_cannot_renew_gives_up(own_plane):
    async with Client.from_kubeconfig(own_plane.kubeconfig) as client:
        timings = LeaseTimings(duration=15, deadline=10, retry=0.1)
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

        assert not lease.held


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
