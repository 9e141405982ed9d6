"""The manager is killed at every call it makes: whatever it was about to do, the next one does it."""

import itertools
import random
from collections import Counter

import pytest
from proof_phases import PHASES
from proof_rig import is_work
from proof_state import until_state_is

from kyma_harness.faults.plan import Moment, kill_at

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHORT_ROUNDS = 1
"""Kill points of each phase in `make test`; `make test-long` takes them all."""


async def killed(rig, phase, number, moment, expected):
    """Kill the manager at a call of a phase, compare what comes of it; tell whether there was such a call."""
    plan = kill_at(number, moment, selects=is_work)
    rig.note(f"{phase.name}, {plan}")
    starts = rig.manager.starts
    await rig.take(phase, plan)
    await until_state_is(rig.client, expected)
    was_met = plan.met is not None
    assert rig.manager.starts == starts + was_met
    return was_met


@pytest.mark.timeout(1200)
async def test_a_manager_killed_in_each_phase_ends_where_the_undisturbed_one_does(reference, rig, seed, say):
    states, calls = reference.states, reference.calls
    chance = random.Random(seed)  # noqa: S311 - it is to be repeated

    met = Counter()
    for _ in range(SHORT_ROUNDS):
        for phase in PHASES:
            number = chance.randint(1, calls[phase.name])
            moment = chance.choice(list(Moment))
            met[phase.name] += await killed(rig, phase, number, moment, states[phase.name])

    say("calls of an undisturbed run", calls)
    say("kill points met", dict(met))
    # A phase may take a call less than the undisturbed one did.
    assert met.total() >= len(PHASES) - 1


PARTS = 8
"""Every eighth call from the first, from the second and so on: each takes minutes, together they are all."""


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("moment", Moment)
async def test_a_manager_killed_at_every_call_ends_where_the_undisturbed_one_does(
    rig, reference, moment, part, say
):
    states, calls = reference.states, reference.calls

    met = Counter()
    for number in itertools.count(1 + part, PARTS):
        # Passes start when watches tell, so a run may make a call more or less. What counts: none is left.
        found = [await killed(rig, phase, number, moment, states[phase.name]) for phase in PHASES]
        met.update(phase.name for phase, was_met in zip(PHASES, found, strict=True) if was_met)
        if not any(found):
            break

    say(f"kill points, {moment} the call, part {part + 1} of {PARTS}", {**met, "all": met.total()})
    assert all(met[name] >= calls[name] // PARTS // 2 for name in calls)
