"""One of several instances leads, by a Lease on a real API server."""

from __future__ import annotations

import asyncio

import pytest
from builders import PATIENCE

from controller.client import Client
from controller.errors import LeaseLostError
from controller.kinds import LEASE
from controller.lease import Lease, LeaseTimings

QUICK = LeaseTimings(duration=2, deadline=1.0, retry=0.1)
HARDLY_EVER_RUNS_OUT = LeaseTimings(duration=3600, deadline=1.0, retry=0.1)


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


async def test_a_lease_that_is_renewed_is_not_taken_over(client, namespace):
    first = await acquired(a_lease(client, namespace, "first"))
    keeping = asyncio.create_task(first.keep())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2 * QUICK.duration):
            await a_lease(client, namespace, "second").acquire()

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
        lease = await acquired(a_lease(client, "default", "first"))
        await own_plane.kill()

        with pytest.raises(LeaseLostError, match="could not be renewed"):
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


async def test_transitions_are_counted(client, namespace):
    for identity in ("first", "second", "third"):
        await (await acquired(a_lease(client, namespace, identity))).release()

    lease = await client.get(LEASE, "manager", namespace)
    assert lease["spec"]["leaseTransitions"] == 2
