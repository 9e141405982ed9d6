"""A StatefulSet is ready when what it reports is about its current generation."""

import pytest

from eventing_manager.observe.copies import unready_reason


def statefulset(*, generation=2, wanted=1, **status):
    ready = {
        "observedGeneration": 2,
        "replicas": 1,
        "readyReplicas": 1,
        "updatedReplicas": 1,
        "currentRevision": "a",
        "updateRevision": "a",
    }
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "eventing-nats", "namespace": "kyma-system", "generation": generation},
        "spec": {"replicas": wanted},
        "status": {**ready, **status},
    }


def test_one_whose_current_generation_is_rolled_out_is_ready():
    assert unready_reason(statefulset()) is None


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"generation": 3}, "has not seen the current generation"),
        ({"readyReplicas": 0}, "0 of 1 replicas are ready"),
        ({"updatedReplicas": 0}, "0 of 1 replicas are up to date"),
        ({"wanted": 3, "updatedReplicas": 3}, "1 of 3 replicas are ready"),
        ({"replicas": 3}, "2 replicas are still to go"),
        ({"updateRevision": "b"}, "roll-out"),
    ],
)
def test_what_it_waits_for_is_said_with_its_name(changes, part):
    reason = unready_reason(statefulset(**changes))

    assert "StatefulSet kyma-system/eventing-nats" in reason
    assert part in reason


def test_one_that_is_being_deleted_is_not_ready_whatever_it_reported_before():
    going = statefulset()
    going["metadata"]["deletionTimestamp"] = "2022-12-05T12:00:00Z"

    assert unready_reason(going) == "StatefulSet kyma-system/eventing-nats is being deleted, and comes back"


def test_one_that_has_reported_nothing_is_not_ready():
    fresh = statefulset()
    fresh["status"] = {"replicas": 0}

    assert unready_reason(fresh) is not None
