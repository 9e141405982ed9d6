"""What ready means, and the word for where an object is."""

import pytest
from observe_objects import a_lamp, a_pod, an_object

from kyma_harness.observe.phase import phase_of
from kyma_harness.observe.readiness import lack_of_readiness


def a_deployment(wanted=1, **status):
    return an_object("Deployment", "web", spec={"replicas": wanted}, status=status, generation=2)


def test_a_resource_is_ready_by_its_state():
    assert lack_of_readiness(a_lamp("Ready")) == ""
    assert lack_of_readiness(a_lamp("Processing")) == "its state is Processing"


def test_a_status_of_an_older_generation_says_nothing():
    old = a_deployment(observedGeneration=1, availableReplicas=1)

    assert lack_of_readiness(old) == "its status is of generation 1"


def test_a_workload_is_ready_when_enough_replicas_are_available():
    lacking = a_deployment(2, observedGeneration=2, readyReplicas=2, availableReplicas=1)
    complete = a_deployment(2, observedGeneration=2, updatedReplicas=2, availableReplicas=2)

    assert lack_of_readiness(lacking) == "1/2 replicas are available"
    assert lack_of_readiness(complete) == ""


def test_a_workload_is_not_ready_while_old_replicas_run():
    rolling = a_deployment(2, observedGeneration=2, updatedReplicas=1, availableReplicas=2)

    assert lack_of_readiness(rolling) == "1/2 replicas are up to date"


def test_anything_else_is_ready_by_its_condition():
    established = an_object(
        "CustomResourceDefinition", status={"conditions": [{"type": "Established", "status": "True"}]}
    )
    silent = an_object()

    assert lack_of_readiness(established) == ""
    assert lack_of_readiness(silent) == "it has neither a state nor a condition that says so"


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (a_lamp("Ready"), "Ready"),
        (a_lamp("Ready", deletionTimestamp="2022-12-05T19:53:13Z"), "Deleting"),
        (a_pod(waiting="CrashLoopBackOff"), "CrashLoopBackOff, container main"),
        (a_pod(waiting="ContainerCreating"), "Pending"),
        (a_deployment(2, readyReplicas=1), "Progressing, 1/2 ready"),
        (a_deployment(0), "Scaled to 0"),
        (an_object("Namespace", status={"phase": "Active"}), "Active"),
        (an_object(), "Present"),
    ],
)
def test_a_phase_is_a_word_and_what_explains_it(obj, words):
    assert str(phase_of(obj)) == words
