"""The API server refuses, forgets, breaks off and goes away: the manager ends where it would have ended."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest
from proof_objects import EVENTING
from proof_phases import PHASES
from proof_reference import is_status
from proof_state import until_state_is

from kubeloop.reflector import Reflector
from kyma_harness.faults.plan import Delay, Kill, Mixed, Moment

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITES_PER_FAULT = 2
"""A fault costs the write that it met, and one that tells of it."""

STATUSES_PER_FAULT = 2
"""A fault that holds up a pass is told, and that it is over."""

STATUSES_OF_A_SLOW_MACHINE = 2
"""So many times those of an undisturbed run: they tell how far NATS has come."""

WRITES_PER_KILL = 10
"""A new manager applies everything once, having forgotten that it did."""


def is_write(call):
    return call.is_write and call.resource != "leases"


PATIENCE = 120
"""Seconds for a phase under faults."""

FAULTS, MORE_FAULTS = 6, 9
"""In each phase. They come to an end, as those of the world do: each in a row doubles the wait for a pass."""


async def endure(reference, rig, seed, *, share, at_most, kills=False):
    """Take the manager through all phases under a mix of faults.

    Return how many it met, how often it wrote a status, and how often anything else.
    """
    extra = (Kill(moment=Moment.BEFORE), Kill(moment=Moment.AFTER)) if kills else ()
    mark, met = len(rig.proxy.record), 0
    for number, phase in enumerate(PHASES):
        mix = Mixed(seed=seed + number, share=share, at_most=at_most)
        mix.on_writes = (*mix.on_writes, *extra)
        rig.note(f"{phase.name}: {mix}")
        with rig.proxy.under(mix):
            await phase.act(rig.client)
            await phase.settled(rig.client, within=PATIENCE)
        await rig.until_idle()
        await until_state_is(rig.client, reference.states[phase.name])
        met += mix.met.total()
    statuses = rig.proxy.record.count(is_status, since=mark).total()
    return met, statuses, rig.proxy.record.count(is_write, since=mark).total() - statuses


@asynccontextmanager
async def states_shown(client):
    """Collect every state that an Eventing shows while the block runs."""
    states = set()

    def note(_old, new):
        if new is not None:
            states.add(new.get("status", {}).get("state"))

    reflector = Reflector(client, EVENTING, on_change=note)
    watching = asyncio.create_task(reflector.run())
    await reflector.synced.wait()
    yield states
    watching.cancel()
    await asyncio.wait([watching])


@pytest.mark.timeout(600)
async def test_faults_of_every_kind_delay_a_manager_and_change_nothing(reference, rig, seed, say):
    async with states_shown(rig.client) as states:
        met, statuses, writes = await endure(reference, rig, seed, share=0.15, at_most=FAULTS)

    say("faults met, statuses, other writes", (met, statuses, writes))
    say("writes undisturbed", reference.writes)
    assert met > 0
    assert "Ready" in states
    assert "Error" not in states
    assert writes <= reference.writes + WRITES_PER_FAULT * met
    assert statuses <= STATUSES_OF_A_SLOW_MACHINE * reference.statuses + STATUSES_PER_FAULT * met


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(10))
async def test_faults_and_kills_together_change_nothing(reference, rig, seed, say, number):
    met, statuses, writes = await endure(
        reference, rig, seed + 1000 * number, share=0.25, at_most=MORE_FAULTS, kills=True
    )

    say("faults met, statuses, other writes", (met, statuses, writes))
    of_kills = WRITES_PER_KILL * rig.manager.starts
    assert writes <= reference.writes + WRITES_PER_FAULT * met + of_kills
    assert statuses <= STATUSES_OF_A_SLOW_MACHINE * reference.statuses + STATUSES_PER_FAULT * met + of_kills


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_an_api_server_that_goes_away_in_the_middle_is_waited_for(reference, rig, seed):
    chance = random.Random(seed)  # noqa: S311 - it is to be repeated

    for phase in PHASES:
        await phase.act(rig.client)
        await asyncio.sleep(chance.uniform(0, 1))
        with rig.proxy.outage():
            await asyncio.sleep(chance.uniform(1, 4))
        await phase.settled(rig.client)
        await rig.until_quiet()
        await until_state_is(rig.client, reference.states[phase.name])


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_slow_api_server_costs_time_and_no_more_writes(reference, rig, say):
    slow = Mixed(
        seed=0, share=1, on_reads=(Delay(seconds=0.3),), on_writes=(Delay(seconds=0.3),), on_watches=()
    )
    mark = len(rig.proxy.record)

    for phase in PHASES:
        await rig.take(phase, slow)
        await until_state_is(rig.client, reference.states[phase.name])

    writes = rig.proxy.record.count(is_write, since=mark).total()
    say("writes, undisturbed", (writes, reference.writes))
    assert writes <= 1.2 * reference.writes
