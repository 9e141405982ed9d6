"""Whatever users, others and misfortune do, in whatever order: the cluster becomes what the model says."""

import asyncio
from collections import Counter

import hypothesis
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from proof_chances import chances
from proof_commands import Settle
from proof_look import Look
from proof_stage import Stage
from proof_state import names_of_all, until_no_volume

from kyma_harness.node.containers.view import probe_mounting

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHORT_SEED, SHORT_EXAMPLES, SHORT_STEPS = 2, 2, 6
LONG_EXAMPLES, LONG_STEPS = 15, 20
LIMIT = 240.0
"""Seconds for one command."""


class EventingMachine(RuleBasedStateMachine):
    """Choose what happens next. Hypothesis is in a thread of its own, the stage in the loop of all proofs."""

    def __init__(self, stage, loop, counts):
        super().__init__()
        self._stage = stage
        self._loop = loop
        self._counts = counts
        self._counts["examples"] += 1

    @rule(data=st.data())
    def step(self, data):
        stage = self._stage
        if stage.failure is not None:
            raise stage.failure  # the second time, which hypothesis asks for, need not come out the same
        if not stage.is_calm and not data.draw(st.booleans(), label="at once"):
            self._play(Settle())
        topics = chances(stage.world, is_calm=stage.is_calm)
        of_a_topic = st.sampled_from(self._in_turn(topics)).map(self._in_turn).flatmap(st.sampled_from)
        self._play(data.draw(of_a_topic, label="command"))

    def teardown(self):
        if self._stage.failure is None:
            if not self._stage.is_calm:
                self._play(Settle())
            self._await(self._stage.clear())

    def _in_turn(self, choices):
        """Begin with another one each time, so that the simplest program, always tried, has some of each."""
        turn = len(self._stage.program) % len(choices)
        return choices[turn:] + choices[:turn]

    def _play(self, command):
        self._counts["settles" if isinstance(command, Settle) else type(command).__name__] += 1
        self._await(self._stage.play(command))

    def _await(self, work):
        asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT)


@pytest_asyncio.fixture(loop_scope="session")
async def stage(rig, cluster, tmp_path):
    await until_no_volume(rig.client)
    look = Look(rig.client, await names_of_all(rig.client))
    has_roots = (await probe_mounting(tmp_path)).privilege is not None
    yield (made := Stage(rig, cluster, look, finds_peers=has_roots))
    await made.clear()


async def explore(stage, number, *, examples, steps, say):
    """Play random programs; all chance in them comes from one number."""
    counts, loop = Counter(), asyncio.get_running_loop()
    once = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        # No shrinking: it would take an hour of clusters, and the program that failed is short enough.
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine = hypothesis.seed(number)(lambda: EventingMachine(stage, loop, counts))
    try:
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=once)
    finally:
        say("what was done", dict(counts))
        if stage.failure is not None:
            raise stage.failure from None


@pytest.mark.timeout(1200)
async def test_a_short_selection_of_programs_ends_as_the_model_says(stage, say):
    await explore(stage, SHORT_SEED, examples=SHORT_EXAMPLES, steps=SHORT_STEPS, say=say)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_random_programs_end_as_the_model_says(stage, seed, say):
    await explore(stage, seed, examples=LONG_EXAMPLES, steps=LONG_STEPS, say=say)
