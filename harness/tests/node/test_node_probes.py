import asyncio
from contextlib import aclosing
from itertools import pairwise

import pytest
from node_builders import container

from kyma_harness.node.containers.probes import Answer, Probe, ProbeKind, ProbeState, probe_forever, probe_of


def a_probe(kind=ProbeKind.READINESS, **fields):
    return Probe(kind=kind, handler={}, **fields)


def asked_until(state, seconds, *, success=False):
    """Ask on the state's schedule and return the times asked and the last verdict."""
    now, times, verdict = 0.0, [], None
    while (now := state.next_at(now)) <= seconds:
        times.append(now)
        verdict = state.observe(success=success, now=now)
    return times, verdict


def test_a_readiness_probe_is_asked_at_once_whatever_its_delay():
    state = ProbeState(a_probe(initial_delay=30), since=0)

    assert state.next_at(0) == 0
    assert state.observe(success=True, now=0) is True


def test_a_starting_container_is_asked_often_and_then_ever_more_slowly():
    times, _ = asked_until(ProbeState(a_probe(period=10, failure_threshold=99), since=0), 60)

    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] == 0.1
    assert pauses == sorted(pauses)
    assert max(pauses) < 10


def test_failures_before_the_delay_is_over_do_not_count():
    state = ProbeState(a_probe(ProbeKind.STARTUP, initial_delay=5, failure_threshold=1), since=0)

    times, verdict = asked_until(state, 4.9)

    assert len(times) > 5
    assert verdict is None


def test_failures_count_once_a_period_only():
    probe = a_probe(ProbeKind.STARTUP, period=2, failure_threshold=3)

    _, early = asked_until(ProbeState(probe, since=0), 3.9)
    _, late = asked_until(ProbeState(probe, since=0), 5)

    assert early is None
    assert late is False


def test_a_ready_container_is_asked_once_a_period():
    state = ProbeState(a_probe(period=10), since=0)
    state.observe(success=True, now=0)

    assert state.next_at(0) == 10


def test_readiness_is_lost_after_the_failure_threshold_and_regained():
    state = ProbeState(a_probe(period=10, failure_threshold=2, success_threshold=2), since=0)
    answers = [(0, True), (0.1, True), (10, False), (20, False), (30, True), (40, True)]

    verdicts = [state.observe(success=success, now=now) for now, success in answers]

    assert verdicts == [None, True, True, False, False, True]


def test_an_early_failure_ends_a_run_of_successes():
    state = ProbeState(a_probe(initial_delay=10, success_threshold=2), since=0)

    verdicts = [state.observe(success=success, now=1) for success in (True, False, True, True)]

    assert verdicts == [None, None, None, True]


def test_a_liveness_probe_waits_for_its_delay():
    state = ProbeState(a_probe(ProbeKind.LIVENESS, initial_delay=15, period=20), since=0)

    assert state.next_at(0) == 15
    state.observe(success=True, now=15)
    assert state.next_at(15) == 35


def test_a_probe_has_the_apis_defaults():
    probe = probe_of(container(readinessProbe={"httpGet": {"port": 80}}), ProbeKind.READINESS)

    assert (probe.initial_delay, probe.period, probe.timeout) == (0, 10, 1)
    assert (probe.success_threshold, probe.failure_threshold) == (1, 3)
    assert probe_of(container(), ProbeKind.LIVENESS) is None


@pytest.mark.parametrize(("delay", "asked_at"), [(30, 30), (5, 20)])
@pytest.mark.looptime
async def test_a_delay_counts_from_the_start_of_the_container_and_not_of_the_probe(delay, asked_at):
    loop = asyncio.get_running_loop()
    started, asked = loop.time(), []
    await asyncio.sleep(20)  # for as long its startup probe took

    async def ask():
        asked.append(loop.time() - started)
        return Answer(success=True)

    probe = a_probe(ProbeKind.LIVENESS, initial_delay=delay)
    async with aclosing(probe_forever(probe, ask, since=started, heard=lambda *_: None)) as verdicts:
        assert await anext(verdicts) is True

    assert asked == [asked_at]


@pytest.mark.looptime
async def test_what_is_strange_about_a_success_is_heard_of_each_time_and_a_failure_on_schedule_only():
    answers = iter([
        Answer(success=True, message="redirected"), Answer(success=True), Answer(success=False, message="no"),
    ])  # fmt: skip
    heard = []

    async def ask():
        return next(answers)

    probe = a_probe(ProbeKind.READINESS, failure_threshold=1)
    verdicts = probe_forever(probe, ask, since=0, heard=lambda _, answer: heard.append(answer.message))
    async with aclosing(verdicts):
        assert [await anext(verdicts), await anext(verdicts)] == [True, False]

    assert heard == ["redirected", "no"]
