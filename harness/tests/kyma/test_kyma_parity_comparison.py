"""Two recordings of a case are compared, and each difference has a name and, at best, a reason."""

from typing import Any

import pytest

from kyma_harness.parity.case import Case
from kyma_harness.parity.cases import ALL
from kyma_harness.parity.comparison import Difference, compare
from kyma_harness.parity.explanation import Explanation, Explanations
from kyma_harness.parity.normal import Normaliser, collapsed
from kyma_harness.parity.recording import Recording
from kyma_harness.parity.report import judge, render


def a_recording(**fields: Any) -> Recording:
    return Recording(**{"case": "add", "pair": "real", "outcome": "done", "seconds": 1.0, **fields})


def an_explanation(**fields: Any) -> Explanation:
    return Explanation(**{"name": "A bug of the date", "why": "It is fixed.", "cases": ("*",), **fields})


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
    verdict = judge(CASE, real, builtin)

    open_page = render([verdict], Explanations(()))
    explained_page = render([verdict], Explanations((an_explanation(),)))

    assert "| `add` | A module is added | differs: **unexplained** |" in open_page
    assert "differs: [A bug of the date](#a-bug-of-the-date)" in explained_page
    assert "no difference is unexplained" in explained_page


def test_a_case_with_one_recording_is_left_out_of_the_page():
    assert "`add`" not in render([judge(CASE, a_recording(), None)], Explanations(()))


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
