"""Transitions, and what is asserted of them."""

import re

import pytest
from observed_objects import LAMP, a_lamp, a_transition

from kubeloop.resource import ObjectKey
from kyma_harness.pytest.handles.history import Mark, Track
from kyma_harness.wait.steps import Step, nested
from kyma_harness.wait.target import Target
from kyma_harness.wait.timeline import Timeline

KITCHEN = ObjectKey("shop", "kitchen")


def a_track(*words):
    transitions = [a_transition(word, at=float(second)) for second, word in enumerate(words)]
    target = Target(kind=LAMP, name="kitchen", namespace="shop")
    return Track(target=target, since=0.0, transitions=transitions)


def test_only_what_changes_an_object_s_phase_is_a_transition():
    timeline = Timeline()
    lamps = [a_lamp("Processing"), a_lamp("Processing", labels={"colour": "red"}), a_lamp("Ready")]

    for old, new in zip([None, *lamps], [*lamps, None], strict=True):
        timeline.note(LAMP, old, new)

    assert [one.word for one in timeline.of(LAMP, KITCHEN)] == ["Processing", "Ready", "gone"]


def test_an_object_that_is_older_than_the_view_was_there_since_its_creation():
    timeline = Timeline()

    timeline.note(LAMP, None, a_lamp("Ready", creationTimestamp="2022-12-05T19:53:13Z"))

    (seen,) = timeline.of(LAMP, KITCHEN)
    assert seen.at == 1670269993


def test_a_window_begins_with_what_was_there_before_it():
    timeline = Timeline()
    timeline.note(LAMP, None, a_lamp("Ready", creationTimestamp="2022-12-05T19:53:13Z"))

    assert timeline.between(1670270000, 1670270001) == []
    assert [one.word for one in timeline.starting_from(1670270000, 1670270001)] == ["Ready"]


def test_a_sequence_holds_with_other_states_between():
    a_track("Processing", "Warning", "Ready").assert_sequence("Processing", "Ready", never=["Error"])


def test_a_sequence_fails_with_what_was_gone_through():
    said = "Lamp shop/kitchen did not go through Ready → Processing: no Processing in Processing → Ready"

    with pytest.raises(AssertionError, match=re.escape(said)):
        a_track("Processing", "Ready").assert_sequence("Ready", "Processing")


def test_what_should_never_be_is_named():
    with pytest.raises(AssertionError, match="Lamp shop/kitchen came to Error, which it never should"):
        a_track("Processing", "Error", "Ready").assert_sequence("Ready", never=["Error"])


def test_a_state_counts_once_for_as_long_as_it_lasts():
    assert a_track("Processing", "Processing", "Ready").words == ["Processing", "Ready"]


def test_gone_in_time_is_counted_from_a_mark():
    track = a_track("Ready", "Deleting", "gone")

    track.assert_gone_within(2, after=Mark("the removal", 0.5))

    with pytest.raises(AssertionError, match=r"was gone 1\.5 s after the removal, not within 1 s"):
        track.assert_gone_within(1, after=Mark("the removal", 0.5))
    with pytest.raises(AssertionError, match="was not gone after the second removal"):
        track.assert_gone_within(1, after=Mark("the second removal", 2.5))


def test_a_step_within_another_is_one_level_deeper():
    steps = [
        Step(name="wait", started=2, ended=3),
        Step(name="test", started=1, ended=None),
        Step(name="set-up", started=0, ended=1),
    ]

    assert [(one.name, one.depth) for one in nested(steps)] == [("set-up", 0), ("test", 0), ("wait", 1)]


def test_of_what_goes_on_side_by_side_none_is_within_the_other():
    steps = [
        Step(name="cluster", started=0, ended=9),
        Step(name="node", started=1, ended=5, is_part=True),
        Step(name="scheduler", started=2, ended=3, is_part=True),
    ]

    assert [one.depth for one in nested(steps)] == [0, 1, 1]
