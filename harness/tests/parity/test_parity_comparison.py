"""Two recordings of a case are compared, and each difference has a name and, at best, a reason."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hack.parity import originals
from hack.parity.case import Case
from hack.parity.cases import ALL
from hack.parity.comparison import Difference, compare
from hack.parity.explanation import Explanation, Explanations
from hack.parity.normal import Normaliser, collapsed
from hack.parity.recording import Recording
from hack.parity.report import judge, render


def a_recording(**fields: Any) -> Recording:
    return Recording(**{"case": "add", "pair": "real", "outcome": "done", "seconds": 1.0, **fields})


def an_explanation(**fields: Any) -> Explanation:
    return Explanation(**{"name": "A bug of the date", "why": "It is fixed.", "cases": ("*",), **fields})


NOTHING_EXPLAINED = Explanations(())


async def nothing(_: object) -> None:
    """A module is added."""


CASE = Case(name="add", about="A module is added", run=nothing)


def test_what_is_the_same_has_no_difference():
    one = a_recording(events=["said"], objects={"Kyma case": {"status": {"state": "Ready"}}})

    assert compare(one, one) == []


def test_every_aspect_is_compared():
    real = a_recording(sequences={"Kyma case": ["Ready", "Error"]}, events=["a"])
    builtin = a_recording(
        outcome="gave up",
        sequences={"Kyma case": ["Ready"]},
        events=["b"],
        objects={"Manifest case-lamp": {"spec": {}}},
    )

    found = [(one.aspect, one.subject, one.real, one.builtin) for one in compare(real, builtin)]

    assert found == [
        ("outcome", "", "done", "gave up"),
        ("sequence", "Kyma case", "Ready → Error", "Ready"),
        ("object", "Manifest case-lamp", "—", "there"),
        ("events", "a", "said", "—"),
        ("events", "b", "—", "said"),
    ]


def test_objects_that_both_have_are_compared_field_by_field():
    real = a_recording(objects={"Kyma case": {"spec": {"modules": [{"name": "lamp"}]}}})
    builtin = a_recording(objects={"Kyma case": {"spec": {"modules": [{"name": "torch"}]}}})

    (found,) = compare(real, builtin)

    assert (found.subject, found.real, found.builtin) == ("Kyma case: spec.modules[0].name", "lamp", "torch")


def test_an_explanation_covers_what_its_patterns_match_and_nothing_else():
    found = Difference(case="add", aspect="object", subject="Kyma case: a[0]", real="x", builtin="y")

    covering = an_explanation(cases=("add",), aspect="object", subject="Kyma case: a[0]")

    assert covering.covers(found)
    assert not an_explanation(cases=("remove",)).covers(found)
    assert not an_explanation(real="z").covers(found)


def test_the_page_names_what_nobody_has_explained():
    real, builtin = a_recording(events=["a"]), a_recording(events=[])
    verdict = judge(CASE, [real], builtin, NOTHING_EXPLAINED)

    open_page = render([verdict], NOTHING_EXPLAINED)
    explained_page = render([verdict], Explanations((an_explanation(),)))

    assert "| `add` | A module is added | differs: **unexplained** |" in open_page
    assert "differs: [A bug of the date](#a-bug-of-the-date)" in explained_page
    assert "no difference is unexplained" in explained_page


@pytest.mark.parametrize(
    ("real", "builtin"),
    [([a_recording()], None), ([], a_recording()), ([a_recording(case="b")], a_recording())],
)
def test_a_case_without_both_recordings_is_left_out_of_the_page(
    real: list[Recording], builtin: Recording | None
):
    assert "`add`" not in render([judge(CASE, real, builtin, NOTHING_EXPLAINED)], NOTHING_EXPLAINED)


def test_where_the_original_is_a_race_the_nearest_course_counts():
    courses = [a_recording(events=["a", "b"]), a_recording(events=["a"]), a_recording(events=["c"])]

    verdict = judge(CASE, courses, a_recording(events=["a"]), NOTHING_EXPLAINED)

    assert verdict.complete
    assert verdict.differences == []


def test_a_course_whose_differences_are_explained_is_nearer_than_one_that_differs_less():
    courses = [a_recording(events=["a"]), a_recording(outcome="gave up")]
    explanations = Explanations((an_explanation(aspect="events"),))

    verdict = judge(CASE, courses, a_recording(events=["b"]), explanations)

    assert explanations.unexplained(verdict.differences) == []


def test_the_original_was_recorded_in_every_case():
    known = originals.load()

    assert {case.name for case in ALL} == known.keys()
    assert {one.pair for courses in known.values() for one in courses} == {"real"}


def test_what_the_original_does_anew_is_kept_once(tmp_path: Path):
    file = tmp_path / "originals.jsonl"
    known, other = a_recording(case="remove"), a_recording(case="add", events=["a"])
    originals.write([known, a_recording(case="add")], file)
    again = dataclasses.replace(known, seconds=known.seconds + 1)

    originals.write(originals.with_new(originals.load(file), [other, again, other]), file)

    assert originals.load(file) == {"add": [a_recording(case="add"), other], "remove": [known]}


@pytest.mark.parametrize("state", ["Unknown", "True"])
def test_a_removal_whose_last_pass_fails_is_the_one_that_is_explained(state: str):
    before, after = (
        f"leaving, Deleting (Manifest=False, lamp={state})",
        "leaving, Deleting (Manifest=False, lamp=False)",
    )
    failing = [before, "leaving, Error (Manifest=False, lamp=False)", after, "gone"]
    real = a_recording(sequences={"Manifest case-lamp": failing})
    builtin = a_recording(sequences={"Manifest case-lamp": [before, "gone"]})
    explanations = Explanations.load()

    left = explanations.unexplained(compare(real, builtin))

    assert bool(left) is (state == "True")


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["a", "a", "b"], ["a", "b"]),
        (["a", "b", "a", "b", "c"], ["a", "b", "c"]),
        (["a", "b", "c", "a", "b", "c"], ["a", "b", "c"]),
        (["a", "b", "a"], ["a", "b", "a"]),
    ],
)
def test_repetitions_are_told_once(steps: list[str], left: list[str]):
    assert collapsed(steps) == left


def test_names_digests_addresses_and_times_are_taken_out():
    obj = {
        "kind": "Manifest",
        "metadata": {"name": "case07-lamp", "uid": "1", "resourceVersion": "2"},
        "spec": {"repo": "127.0.0.1:5001/x", "ref": "sha256:" + "a" * 64},
        "status": {"conditions": [{"reason": "lamp", "lastTransitionTime": "2022"}]},
    }

    normal = Normaliser("case07").obj(obj)

    assert normal == {
        "kind": "Manifest",
        "metadata": {"name": "case-lamp"},
        "spec": {"repo": "registry/x", "ref": "sha256:…"},
        "status": {"conditions": {"lamp": {"reason": "lamp"}}},
    }


def test_every_explanation_is_about_cases_that_exist():
    names = {case.name for case in ALL}

    named = {case for one in Explanations.load().entries for case in one.cases if "*" not in case}

    assert named <= names
