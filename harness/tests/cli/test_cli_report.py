"""`kyma-harness report` tells of the last run that left evidence."""

import json

import pytest

from kyma_harness.evidence.report.session import Outcome, Session


def lay_down(base, name, at, **fields):
    """Leave evidence as a failed test does."""
    folder = base / name
    folder.mkdir(parents=True)
    incident = {
        "test": f"scenarios/test_x.py::test_{name}", "phase": "call", "started": at, "ended": at + 1,
        "message": "it did not", "cause": f"the cause of {name}", "command": f"pytest -k {name}",
        "facts": {}, "events": [], "transitions": [], "steps": [], "logs": [], "problems": [],
    }  # fmt: skip
    (folder / "evidence.json").write_text(json.dumps({**incident, **fields}))
    return {**incident, "folder": name}


@pytest.fixture
def evidence(tmp_path):
    return tmp_path / "evidence"


def test_it_tells_each_cause_and_draws_the_page(kyma_harness, evidence):
    lay_down(evidence, "lamp", 100.0)

    said = kyma_harness("report", "--evidence", str(evidence))

    assert said.code == 0
    assert "✗ Lamp\n    the cause of lamp\n" in said.err
    assert "the cause of lamp" in (evidence / "report.html").read_text()


def test_a_script_gets_outcomes_and_failures(kyma_harness, evidence):
    incident = lay_down(evidence, "lamp", 100.0)
    outcomes = [
        Outcome(test=incident["test"], outcome="failed", seconds=1),
        Outcome(test="scenarios/test_x.py::test_other", outcome="passed", seconds=1),
    ]
    Session(started=99, ended=102, outcomes=outcomes, incidents=[incident]).keep(evidence)

    said = kyma_harness("report", "--evidence", str(evidence), "-o", "json").document

    assert (said["passed"], said["failed"], said["skipped"]) == (1, 1, 0)
    assert said["report"] == str(evidence / "report.html")
    assert said["failures"] == [
        {
            "test": "scenarios/test_x.py::test_lamp",
            "phase": "call",
            "cause": "the cause of lamp",
            "folder": str(evidence / "lamp"),
            "command": "pytest -k lamp",
        }
    ]


def test_of_a_run_that_was_killed_it_tells_what_was_laid_down(kyma_harness, evidence):
    earlier = lay_down(evidence, "earlier", 100.0)
    Session(started=99, ended=102, outcomes=[], incidents=[earlier]).keep(evidence)
    lay_down(evidence, "later", 200.0)

    said = kyma_harness("report", "--evidence", str(evidence), "-o", "json").document

    assert [one["cause"] for one in said["failures"]] == ["the cause of later"]
    assert said["failed"] == 1


def test_where_no_test_has_failed_there_is_nothing_to_report(kyma_harness, evidence):
    said = kyma_harness("report", "--evidence", str(evidence))

    assert said.code == 1
    assert f"no failed test has left evidence in {evidence}" in said.err
