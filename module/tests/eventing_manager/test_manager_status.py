"""The status tells what a pass found, and is written when it says something new."""

from datetime import UTC, datetime, timedelta

import pytest

from eventing_manager.api import reports
from eventing_manager.api.spec import BackendType
from eventing_manager.api.status import Reason, State, Verdict, new_status, remembered_verdict
from eventing_manager.decide.steps import patience
from kubeloop.resource import ObjectKey

NOON = datetime(2022, 12, 5, 12, 0, 0, tzinfo=UTC)
LATER = datetime(2022, 12, 5, 13, 0, 0, tzinfo=UTC)


def eventing(*, generation=1, status=None):
    return {
        "metadata": {"name": "e", "namespace": "n", "uid": "u", "generation": generation},
        "status": status or {},
    }


def patched(obj, report, now):
    return eventing(generation=obj["metadata"]["generation"], status=new_status(obj, report, now=now))


def test_the_first_status_is_processing_with_the_generation_it_speaks_of():
    status = new_status(eventing(generation=4), reports.starting(BackendType.NATS, ""), now=NOON)

    assert status["state"] == "Processing"
    assert status["observedGeneration"] == 4
    assert {condition["observedGeneration"] for condition in status["conditions"]} == {4}


@pytest.mark.parametrize(
    ("lasted", "seconds"), [(timedelta(seconds=1), 0.5), (timedelta(minutes=1), 6), (timedelta(days=3), 30)]
)
def test_what_a_person_has_to_mend_is_looked_at_less_often_the_longer_it_lasts(lasted, seconds):
    failure = reports.failed(eventing(), State.WARNING, Reason.FOREIGN_OBJECT, "no")

    refused = patched(eventing(), failure, NOON)

    assert patience(refused, NOON + lasted) == seconds


def test_a_status_that_would_not_change_is_not_written():
    ready = patched(eventing(), reports.nats_ready(), NOON)

    status = new_status(ready, reports.nats_ready(), now=LATER)

    assert status is None


def test_the_transition_time_moves_only_when_a_condition_flips():
    waiting = patched(eventing(), reports.not_ready("", Reason.NOT_READY, "0 of 1"), NOON)

    still_waiting = patched(waiting, reports.not_ready("", Reason.NOT_READY, "other"), LATER)
    ready = patched(still_waiting, reports.nats_ready(), LATER)

    assert times(still_waiting) == {
        "Ready": "2022-12-05T12:00:00Z",
        "BackendAvailable": "2022-12-05T12:00:00Z",
        "DependenciesSatisfied": "2022-12-05T12:00:00Z",
        "Provisioned": "2022-12-05T12:00:00Z",
        "Reconciling": "2022-12-05T12:00:00Z",
    }
    assert times(ready)["Ready"] == "2022-12-05T13:00:00Z"
    assert times(ready)["Provisioned"] == "2022-12-05T12:00:00Z"


def times(obj):
    return {condition["type"]: condition["lastTransitionTime"] for condition in obj["status"]["conditions"]}


def test_a_condition_that_has_nothing_to_say_any_more_goes():
    gone = patched(eventing(), reports.eventmesh([]), NOON)

    back = patched(gone, reports.nats_ready(), LATER)

    assert "Deprovisioned" in times(gone)
    assert "Deprovisioned" not in times(back)


def test_ready_is_never_said_for_an_older_generation():
    ready = patched(eventing(generation=1), reports.nats_ready(), NOON)
    edited = eventing(generation=2, status=ready["status"])

    status = new_status(edited, reports.nats_ready(), now=LATER)

    assert status["observedGeneration"] == 2
    assert {condition["observedGeneration"] for condition in status["conditions"]} == {2}


def test_a_retained_volume_is_named():
    report = reports.eventmesh([ObjectKey("kyma-system", "data-eventing-nats-0")])

    deprovisioned = report.conditions[-1]
    assert report.state is State.READY
    assert deprovisioned.reason == "VolumesRetained"
    assert "kyma-system/data-eventing-nats-0" in deprovisioned.message


@pytest.mark.parametrize("reason", [Reason.FORCED, Reason.DISCARDED, Reason.NOTHING_HELD])
def test_what_nats_was_removed_by_is_still_said_when_it_is_gone(reason):
    verdict = Verdict(allowed=True, reason=reason, message="as asked for")

    gone = patched(eventing(), reports.eventmesh([], verdict=verdict), NOON)

    assert remembered_verdict(gone) == verdict


def test_of_retained_volumes_that_nobody_was_asked_for_nothing_is_said():
    gone = patched(eventing(), reports.eventmesh([ObjectKey("n", "data-0")]), NOON)

    assert "Drained" not in times(gone)
    assert remembered_verdict(gone) is None


def test_a_failure_does_not_let_forget_that_a_removal_was_allowed():
    allowed = Verdict(allowed=True, reason=Reason.DISCARDED, message="as asked for")
    going = patched(eventing(), reports.removing(State.PROCESSING, "nats", "a pod", allowed), NOON)

    failure = reports.failed(going, State.ERROR, Reason.API_REFUSED, "no")
    failed = patched(going, failure, LATER)

    assert remembered_verdict(failed) == allowed


def test_a_delay_is_told_in_a_message_and_changes_nothing_else():
    allowed = Verdict(allowed=True, reason=Reason.NOTHING_HELD, message="every message was received")
    going = patched(eventing(), reports.removing(State.DELETING, "nats", "a pod", allowed), NOON)

    delayed = patched(going, reports.delayed(going, "503 ServiceUnavailable"), LATER)

    assert "503 ServiceUnavailable" in delayed["status"]["conditions"][0]["message"]
    assert without_messages(delayed) == without_messages(going)
    assert remembered_verdict(delayed) == allowed


def without_messages(obj):
    conditions = [{**condition, "message": ""} for condition in obj["status"]["conditions"]]
    return {**obj["status"], "conditions": conditions}


def test_an_eventing_that_is_ready_has_nothing_to_tell_of_a_delay():
    ready = patched(eventing(), reports.nats_ready(), NOON)

    assert reports.delayed(ready, "503 ServiceUnavailable") is None


def test_a_removal_that_is_held_up_was_not_allowed():
    denied = Verdict(allowed=False, reason=Reason.UNDELIVERED, message="2 in stream a")

    held_up = patched(eventing(), reports.blocked(State.PROCESSING, "nats", denied), NOON)

    assert remembered_verdict(held_up) is None


def kstatus(obj):
    """Return what tools that know only the conventions make of a resource, as kstatus of cli-utils does."""
    if obj["status"].get("observedGeneration") != obj["metadata"]["generation"]:
        return "InProgress"
    holding = {condition["type"]: condition["status"] == "True" for condition in obj["status"]["conditions"]}
    if holding.get("Stalled"):
        return "Failed"
    if holding.get("Reconciling") or holding.get("Ready") is False:
        return "InProgress"
    return "Current"


@pytest.mark.parametrize(
    ("report", "seen"),
    [
        (reports.starting(BackendType.NATS, ""), "InProgress"),
        (reports.not_ready("", Reason.NOT_READY, "0 of 1"), "InProgress"),
        (reports.nats_ready(), "Current"),
        (reports.removing(State.DELETING, "nats", "a pod"), "InProgress"),
        (reports.another_is_served(ObjectKey("n", "other")), "Failed"),
        (reports.failed(eventing(), State.ERROR, Reason.CHART_BROKEN, "no"), "Failed"),
    ],
)
def test_tools_that_know_only_the_conventions_see_how_it_stands(report, seen):
    reported = patched(eventing(), report, NOON)

    assert kstatus(reported) == seen
    assert kstatus({**reported, "metadata": {**reported["metadata"], "generation": 2}}) == "InProgress"
