"""What the report is made of."""

import pytest
from markupsafe import Markup

from kyma_harness.evidence.report.lanes import lanes_of
from kyma_harness.evidence.report.markup import element
from kyma_harness.evidence.report.page import page
from kyma_harness.evidence.report.scale import Scale
from kyma_harness.evidence.report.sections import sentence, turn_of
from kyma_harness.evidence.report.session import Outcome, Session


def an_incident(**fields):
    return {
        "test": "scenarios/test_x.py::test_it_works",
        "phase": "call",
        "started": 100.0,
        "ended": 110.0,
        "message": "it did not",
        "cause": "Pod shop/web-0: it cannot be scheduled",
        "command": "pytest scenarios/test_x.py::test_it_works",
        "facts": {"cluster": "embedded"},
        "events": [],
        "transitions": [],
        "steps": [],
        "logs": [],
        "problems": [],
        "folder": "it-works",
        **fields,
    }


def a_transition(word, at, name="web-0", kind="Pod"):
    return {"at": at, "kind": kind, "namespace": "shop", "name": name, "word": word, "detail": ""}


def a_page(*incidents, outcomes=()):
    return page(Session(started=100.0, ended=120.0, outcomes=outcomes, incidents=incidents))


EVIL = "<script>alert(1)</script>"
A_LOG = {"namespace": "shop", "pod": "web", "container": "main", "previous": False, "problem": ""}
AN_EVENT = {
    "type": "Warning", "reason": "BackOff", "message": "again", "metadata": {},
    "lastTimestamp": "1970-01-01T00:01:45Z",
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
}  # fmt: skip
A_STEP = {"name": "it", "started": 101, "ended": 102, "depth": 0, "ok": True, "is_act": True}


@pytest.mark.parametrize(
    "fields",
    [
        {"test": EVIL},
        {"cause": EVIL},
        {"cause": f"Pod {EVIL}: no"},
        {"message": f"E  so {EVIL} did not come to be"},
        {"command": EVIL},
        {"facts": {EVIL: "x"}},
        {"facts": {"x": EVIL}},
        {"folder": f'"{EVIL}'},
        {"problems": [EVIL]},
        {"logs": [{**A_LOG, "text": f"2022-12-01T08:06:42.1Z {EVIL}"}]},
        {"logs": [{**A_LOG, "text": "", "problem": EVIL}]},
        {"logs": [{**A_LOG, "text": "", "pod": EVIL}]},
        {"events": [{**AN_EVENT, "message": EVIL}]},
        {"events": [{**AN_EVENT, "type": EVIL}]},
        {"steps": [{**A_STEP, "name": f'"{EVIL}'}]},
        {"steps": [{**A_STEP, "name": f'"{EVIL}', "ok": False}]},
        {"transitions": [a_transition("Pending", 101, name=EVIL), a_transition(EVIL, 102, name=EVIL)]},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_nothing_from_a_cluster_becomes_markup(fields):
    drawn = a_page(an_incident(**fields))

    assert EVIL not in drawn
    assert f'"{EVIL}' not in drawn
    assert "&lt;script&gt;alert(1)" in drawn


def test_what_a_test_or_a_reason_is_called_is_no_markup_either():
    drawn = a_page(outcomes=[Outcome(test=EVIL, outcome="skipped", seconds=0, reason=EVIL)])

    assert EVIL not in drawn
    assert drawn.count("&lt;script&gt;alert(1)") == 2


def test_the_lines_of_a_log_are_the_lines_of_the_report():
    text = "2022-12-01T08:06:42.1Z one\n2022-12-01T08:06:43.1Z   error: two"

    drawn = a_page(an_incident(logs=[{**A_LOG, "text": text}]))

    assert (
        '<pre tabindex="0"><span class="dim">08:06:42.1Z </span><span>one</span>\n'
        '<span class="dim">08:06:43.1Z </span><span class="bad">  error: two</span>\n</pre>'
    ) in drawn
    assert "2 lines, 1 of them errors" in drawn


def test_the_page_names_no_address_to_load_anything_from():
    drawn = a_page(an_incident())

    assert "http://" not in drawn
    assert "https://" not in drawn
    assert "src=" not in drawn


def test_the_failures_stand_before_what_passed():
    passed = Outcome(test="scenarios/test_x.py::test_other", outcome="passed", seconds=1.0)

    drawn = a_page(an_incident(), outcomes=[passed])

    assert drawn.index("It works") < drawn.index("it cannot be scheduled") < drawn.index("Passed: 1")


def test_an_attribute_cannot_be_left():
    assert element("a", "x", href='"><b>') == '<a href="&#34;&gt;&lt;b&gt;">x</a>'


def test_markup_is_not_escaped_twice():
    assert element("p", Markup("<b>x</b>"), "<") == "<p><b>x</b>&lt;</p>"


def test_a_lane_is_what_an_object_was_over_time():
    transitions = [a_transition("Ready", 50), a_transition("Deleting", 104), a_transition("gone", 106)]

    (lane,) = lanes_of(an_incident(transitions=transitions))

    assert [(one.word, one.start, one.end) for one in lane.stretches] == [
        ("Ready", 100.0, 104),
        ("Deleting", 104, 106),
    ]


def test_objects_that_nothing_happens_to_have_no_lane():
    assert lanes_of(an_incident(transitions=[a_transition("Ready", 50)])) == []


def test_objects_that_the_failure_speaks_of_come_first():
    transitions = [
        *(a_transition(word, at, name="aaa") for word, at in (("Pending", 101), ("ErrImagePull", 102))),
        *(a_transition(word, at, name="web-0") for word, at in (("Pending", 101), ("Ready", 102))),
    ]

    lanes = lanes_of(an_incident(transitions=transitions, message="shop/web-0 did not work"))

    assert [lane.name for lane in lanes] == ["shop/web-0", "shop/aaa"]


def test_a_warning_flags_the_lane_of_its_object():
    event = {
        "type": "Warning", "reason": "BackOff", "message": "again", "metadata": {},
        "lastTimestamp": "1970-01-01T00:01:45Z",
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
    }  # fmt: skip

    (lane,) = lanes_of(an_incident(events=[event], transitions=[a_transition("Pending", 50)]))

    assert lane.warnings == [(105.0, "BackOff: again")]


def test_ticks_are_few_and_round():
    assert [label for _, label in Scale(0, 37).ticks()] == [
        "0 s",
        "5 s",
        "10 s",
        "15 s",
        "20 s",
        "25 s",
        "30 s",
        "35 s",
    ]


def test_what_is_outside_the_window_is_at_its_edge():
    scale = Scale(100, 110)

    assert (scale.at(90), scale.at(105), scale.at(200)) == (0, 50, 100)


def test_a_test_s_name_is_read_as_a_sentence():
    assert sentence("a/test_x.py::test_a_removed_module_is_gone[nats]") == "A removed module is gone · nats"


def test_a_long_set_up_leaves_the_width_to_what_failed():
    scale = Scale(100, 150, 140)

    assert (scale.at(100), scale.at(120), scale.at(140), scale.at(145), scale.at(150)) == (0, 10, 20, 60, 100)
    assert [label for _, label in scale.ticks()] == ["0 s", "42 s", "44 s", "46 s", "48 s", "50 s"]


@pytest.mark.parametrize("turn", [None, 100, 101, 150, 160])
def test_what_takes_little_of_the_width_is_not_folded(turn):
    assert Scale(100, 150, turn).at(125) == 50


def test_the_clean_up_of_a_failed_test_is_called_so():
    drawn = a_page(an_incident(), an_incident(phase="teardown", follows="it did not", cause="it does not go"))

    assert "It works · its clean-up" in drawn
    assert drawn.count("· in its clean-up") == 1


@pytest.mark.parametrize(("phase", "turn"), [("call", 104.0), ("teardown", 104.0), ("setup", 107.0)])
def test_a_drawing_gives_its_width_to_what_failed(phase, turn):
    step = {"name": "x", "depth": 0, "is_act": False, "is_part": False, "note": "", "ended": 110.0}
    steps = [
        {**step, "ok": False, "started": 100.0},
        {**step, "ok": True, "started": 108.0},
        {**step, "ok": False, "started": 107.0},
    ]

    assert turn_of(an_incident(phase=phase, phase_started=104.0, steps=steps)) == turn
