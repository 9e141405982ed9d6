"""NATS takes in no more messages before they are counted for the last time."""

import pytest

from eventing_manager.draining import not_before_draining
from eventing_manager.guard import Verdict
from eventing_manager.names import DRAINING_ANNOTATION, SETTINGS_ANNOTATION
from eventing_manager.reasons import Reason

ON_DISK, IN_MEMORY = "{}", '{"storage": {"type": "memory"}}'
NOTHING = Verdict(allowed=True, reason=Reason.NOTHING_HELD, message="nothing", drains=True)
SOME = Verdict(allowed=False, reason=Reason.UNDELIVERED, message="2 in stream a", drains=True)
SOME_IN_MEMORY = Verdict(allowed=False, reason=Reason.UNDELIVERED, message="2 in stream a")
SILENT = Verdict(allowed=False, reason=Reason.JETSTREAM_SILENT, message="no answer")
FORCED = Verdict(allowed=True, reason=Reason.FORCED, message="as asked for")


def eventing(settings=ON_DISK, *, reported=Reason.DRAINING):
    return {
        "metadata": {"name": "e", "namespace": "n", "annotations": {SETTINGS_ANNOTATION: settings}},
        "status": {"conditions": [{"type": "Drained", "status": "False", "reason": reported}]},
    }


def statefulset(*, draining, ready=1):
    annotations = {DRAINING_ANNOTATION: "true"} if draining else {}
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "eventing-nats", "namespace": "n", "generation": 1},
        "spec": {"replicas": 1, "template": {"metadata": {"annotations": annotations}}},
        "status": {"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": ready},
    }


@pytest.mark.parametrize("verdict", [NOTHING, SOME])
@pytest.mark.parametrize("nats", [statefulset(draining=False), statefulset(draining=True, ready=0)])
def test_no_look_counts_before_every_server_drains(verdict, nats):
    found = not_before_draining(verdict, eventing(), nats)

    assert (found.allowed, found.reason, found.drains) == (False, Reason.DRAINING, True)


@pytest.mark.parametrize("verdict", [NOTHING, SOME])
def test_a_look_at_servers_that_drain_counts(verdict):
    assert not_before_draining(verdict, eventing(), statefulset(draining=True)) == verdict


def test_messages_in_memory_have_to_be_received_before_a_restart_loses_them():
    found = not_before_draining(SOME_IN_MEMORY, eventing(), statefulset(draining=False))

    assert found == SOME_IN_MEMORY


def test_a_nats_that_has_nothing_but_memory_does_not_restart():
    found = not_before_draining(NOTHING, eventing(IN_MEMORY), statefulset(draining=False))

    assert found.allowed
    assert not found.drains


def test_who_gave_the_messages_up_does_not_wait_for_a_restart():
    assert not_before_draining(FORCED, eventing(), statefulset(draining=False)) == FORCED


def test_a_server_that_restarts_is_waited_for_when_it_is_silent():
    found = not_before_draining(SILENT, eventing(), statefulset(draining=True, ready=0))

    assert found.reason is Reason.DRAINING


@pytest.mark.parametrize("reported", [Reason.UNDELIVERED, Reason.JETSTREAM_SILENT])
def test_one_that_goes_down_later_is_silent_and_goes_on_draining_when_it_is_back(reported):
    found = not_before_draining(SILENT, eventing(reported=reported), statefulset(draining=True, ready=0))

    assert (found.reason, found.drains) == (Reason.JETSTREAM_SILENT, True)


def test_a_silent_server_is_not_restarted():
    found = not_before_draining(SILENT, eventing(), statefulset(draining=False))

    assert (found.reason, found.drains) == (Reason.JETSTREAM_SILENT, False)
