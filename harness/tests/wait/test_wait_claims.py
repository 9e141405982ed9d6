"""Schemas, log lines, patterns, and what is outside the API."""

import json
import re

import pytest
from observed_objects import a_lamp

from kyma_harness.evidence.folder import folder_name
from kyma_harness.kube.logrecords import parsed
from kyma_harness.kube.schema import violations
from kyma_harness.wait.claims import matches
from kyma_harness.wait.eventually import EventuallyError, eventually

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {"watts": {"type": "integer"}, "extra": {"type": "object"}},
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "status": {
            "type": "object",
            "properties": {"state": {"type": "string", "enum": ["Ready", "Error"]}},
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}


def test_an_object_that_fits_has_no_violations():
    lamp = {**a_lamp(), "spec": {"watts": 60, "free": 1}, "status": {"state": "Ready"}}

    assert violations(lamp, SCHEMA) == []


def test_a_wrong_value_is_named_with_its_path():
    assert violations({**a_lamp(), "spec": {"watts": "many"}}, SCHEMA) == [
        "spec.watts: 'many' is not of type 'integer'"
    ]


def test_an_unknown_status_field_is_a_violation_even_where_the_server_keeps_it():
    (problem,) = violations({**a_lamp(), "status": {"state": "Ready", "mood": "fine"}}, SCHEMA)

    assert problem.startswith("status: ")
    assert "'mood'" in problem


def test_an_integer_or_string_may_be_either():
    schema = {"type": "object", "properties": {"spec": {
        "type": "object", "properties": {"port": {
            "anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True,
        }},
    }}}  # fmt: skip

    assert violations({"spec": {"port": 80}}, schema) == []
    assert violations({"spec": {"port": "http"}}, schema) == []
    assert violations({"spec": {"port": []}}, schema)


def test_log_lines_are_found_by_fields_nested_fields_and_predicates():
    line = json.dumps({"level": "info", "backend": "nats", "eventing": {"name": "x"}})
    record = parsed(f"2022-12-05T19:53:13Z {line}", "pod-0")

    assert parsed("2022-12-05T19:53:14Z not JSON", "pod-0") is None
    assert record.has({"backend": "nats", "eventing.name": "x", "level": lambda level: level != "error"})
    assert not record.has({"backend": "eventmesh"})
    assert not record.has({"backend.type": "nats"})


def test_a_pattern_that_does_not_match_says_where():
    claim = matches({"spec": {"watts": 60}})

    assert claim({"spec": {"watts": 40, "colour": "red"}}) == "spec.watts is 40, not 60"
    assert claim({"spec": {"watts": 60, "colour": "red"}}) == ""


def test_what_comes_eventually_is_returned():
    answers = iter([0, 0, 7])

    assert eventually(lambda: next(answers), "an answer", within=10) == 7


def test_what_never_comes_is_told_with_what_was_seen_last():
    def refuse():
        raise OSError("connection refused")

    said = "NATS answers did not come within 0.1 s: OSError: connection refused"
    with pytest.raises(EventuallyError, match=re.escape(said)):
        eventually(refuse, "NATS answers", within=0.1)


def test_an_error_that_is_not_tolerated_ends_the_wait_at_once():
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 / 0, "the end of mathematics", within=60)


def test_cases_of_one_test_have_folders_of_their_own():
    names = {folder_name("a/test_x.py::test_it[a/b]"), folder_name("a/test_x.py::test_it[a-b]")}

    assert len(names) == 2
    assert not any("/" in name for name in names)
