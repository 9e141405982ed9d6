"""What ready means, and the word for where an object is."""

import pytest
from observed_objects import a_lamp, a_pod, an_object

from kyma_harness.kube.workload import selector_text
from kyma_harness.wait.claims import has_condition
from kyma_harness.wait.phase import phase_of
from kyma_harness.wait.readiness import lack_of_readiness

APPS, BATCH = {"apiVersion": "apps/v1"}, {"apiVersion": "batch/v1"}
OVER_SOON = {"reason": "BackoffLimitExceeded", "message": "too many retries"}


def a_deployment(wanted=1, *, generation=2, **status):
    spec = {"replicas": wanted}
    return an_object("Deployment", "web", **APPS, spec=spec, status=status, generation=generation)


def rolled_out(number=1, **other):
    """The status of a Deployment that is as it should be, but for the fields given."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), number)
    return {"observedGeneration": 2, **counts, **other}


def a_stateful_set(wanted=2, *, strategy=None, **status):
    spec = {"replicas": wanted, "updateStrategy": strategy or {"rollingUpdate": {"partition": 0}}}
    return an_object("StatefulSet", "db", **APPS, spec=spec, status=status, generation=2)


def a_daemon_set(*, strategy=None, **status):
    spec = {"updateStrategy": strategy or {}}
    return an_object("DaemonSet", "agent", **APPS, spec=spec, status=status, generation=1)


def a_job(*conditions, **status):
    status["conditions"] = [{"status": "True", **one} for one in conditions]
    return an_object("Job", "task", **BATCH, spec={"completions": 2}, status=status, generation=1)


def a_run_pod(phase="Running", *, ready="True", **status):
    conditions = [{"type": "Ready", "status": ready, "reason": "ContainersNotReady"}]
    return an_object("Pod", "web-0", status={"phase": phase, "conditions": conditions, **status})


def a_bulb(*conditions, generation=2, **status):
    status["conditions"] = [{"reason": "Switched", **one} for one in conditions]
    return an_object("Bulb", "b", apiVersion="example.com/v1", status=status, generation=generation)


def terminated(name, code):
    return {"name": name, "state": {"terminated": {"exitCode": code}}}


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("obj", "lack"),
    [
        # A state says it all, for its generation.
        (a_lamp("Ready"), ""),
        (a_lamp("Processing"), "its state is Processing"),
        (a_lamp("Ready", deletionTimestamp="2022-12-05T19:53:13Z"), "it is being deleted"),
        # Deployments: every field that is 0 is left out of the status.
        (a_deployment(1, **rolled_out()), ""),
        (a_deployment(0, observedGeneration=2), ""),
        (a_deployment(1, **rolled_out(observedGeneration=1)), "its status is of generation 1"),
        (a_deployment(0, generation=1), "its controller has not come to it yet"),
        (
            a_deployment(1, observedGeneration=2, replicas=1, availableReplicas=1),
            "0/1 replicas are up to date",
        ),
        (a_deployment(2, **rolled_out(2, updatedReplicas=1)), "1/2 replicas are up to date"),
        (a_deployment(1, **rolled_out(replicas=2)), "1 old replicas are still there"),
        (a_deployment(2, **rolled_out(2, availableReplicas=1)), "1/2 replicas are available"),
        (a_deployment(1, **rolled_out(3, availableReplicas=2)), "2/3 replicas are available"),
        # StatefulSets: what lies below the partition may be old for ever.
        (a_stateful_set(observedGeneration=2, replicas=2, readyReplicas=2, updatedReplicas=2), ""),
        (
            a_stateful_set(observedGeneration=2, replicas=2, readyReplicas=2, updatedReplicas=1),
            "1/2 replicas are up to date",
        ),
        (
            a_stateful_set(
                strategy={"rollingUpdate": {"partition": 1}},
                observedGeneration=2,
                replicas=2,
                readyReplicas=2,
                updatedReplicas=1,
            ),
            "",
        ),
        (a_stateful_set(observedGeneration=2, replicas=2, readyReplicas=1), "1/2 replicas are ready"),
        (
            a_stateful_set(1, observedGeneration=2, replicas=2, readyReplicas=2, updatedReplicas=2),
            "1 replicas too many are still there",
        ),
        (
            a_stateful_set(
                strategy={"type": "RollingUpdate"},
                observedGeneration=2,
                replicas=2,
                readyReplicas=2,
                updatedReplicas=1,
                currentRevision="a",
                updateRevision="b",
            ),
            "1/2 replicas are up to date",
        ),
        (
            a_stateful_set(
                strategy={"type": "OnDelete"},
                observedGeneration=2,
                replicas=2,
                readyReplicas=2,
                currentRevision="a",
                updateRevision="b",
            ),
            "",
        ),
        (a_stateful_set(0), "its controller has not come to it yet"),
        # DaemonSets: until their controller has come to them, they seem to want no pod at all.
        (a_daemon_set(desiredNumberScheduled=0), "its controller has not come to it yet"),
        (
            a_daemon_set(
                observedGeneration=1, desiredNumberScheduled=1, currentNumberScheduled=1, numberAvailable=1
            ),
            "0/1 replicas are up to date",
        ),
        (
            a_daemon_set(
                strategy={"type": "OnDelete"},
                observedGeneration=1,
                desiredNumberScheduled=1,
                currentNumberScheduled=1,
                numberAvailable=1,
            ),
            "",
        ),
        # Jobs and pods that are over.
        (a_job({"type": "Complete"}), ""),
        (a_job(succeeded=1), "1/2 of its pods have succeeded"),
        (a_job({"type": "FailureTarget"}), "0/2 of its pods have succeeded"),
        (a_job({"type": "Failed", **OVER_SOON}), "it has failed: BackoffLimitExceeded: too many retries"),
        (a_run_pod(), ""),
        (a_run_pod(ready="False"), "condition Ready is false, ContainersNotReady"),
        (a_run_pod("Succeeded", ready="False"), "it has ended (Succeeded)"),
        (
            a_run_pod("Failed", containerStatuses=[terminated("a", 0), terminated("b", 3)]),
            "it has ended (Failed): container b ended with exit code 3",
        ),
        (
            a_run_pod("Failed", reason="Evicted", message="the node was low on memory"),
            "it has ended (Failed): Evicted: the node was low on memory",
        ),
        # Anything else is ready by its condition, of its present generation.
        (a_bulb(READY), ""),
        (a_bulb({**READY, "status": "Unknown"}), "condition Ready is unknown, Switched"),
        (a_bulb(READY, observedGeneration=1), "its status is of generation 1"),
        (a_bulb({**READY, "observedGeneration": 1}), "its status is of generation 1"),
        (a_bulb({**READY, "observedGeneration": 2}, observedGeneration=2), ""),
        (a_bulb({"type": "Reconciling", "status": "True"}, READY), "condition Reconciling is true, Switched"),
        (a_bulb({"type": "Stalled", "status": "True"}, READY), "condition Stalled is true, Switched"),
        (a_bulb(), "it has neither a state nor a condition that says so"),
        (
            an_object("Bulb", apiVersion="example.com/v1"),
            "it has neither a state nor a condition that says so",
        ),
        # A kind is told by its group, too.
        (an_object("Job", "j", apiVersion="example.com/v1", status={"conditions": [READY]}), ""),
        # What has a phase, and what only is.
        (an_object("PersistentVolumeClaim", status={"phase": "Bound"}), ""),
        (an_object("PersistentVolumeClaim", status={"phase": "Pending"}), "its phase is Pending"),
        (an_object("Namespace", status={"phase": "Active"}), ""),
        (an_object("ConfigMap"), ""),
    ],
)
def test_what_an_object_lacks_to_be_ready(obj, lack):
    assert lack_of_readiness(obj) == lack


@pytest.mark.parametrize(
    ("obj", "lack"),
    [
        (a_bulb(READY), ""),
        (a_bulb({"type": "Lit", "status": "True"}), "condition Ready is not set"),
        (a_bulb({**READY, "status": "False"}), "condition Ready is False"),
        (a_bulb(READY, observedGeneration=1), "its status is of generation 1"),
        (a_bulb({**READY, "observedGeneration": 1}, observedGeneration=2), "its status is of generation 1"),
        # What a condition says of itself counts before what the status says.
        (a_bulb({**READY, "observedGeneration": 2}, observedGeneration=1), ""),
        (None, "it does not exist"),
        (an_object("Bulb", apiVersion="example.com/v1"), "condition Ready is not set"),
    ],
)
def test_a_condition_counts_for_the_present_generation_only(obj, lack):
    assert has_condition("Ready")(obj) == lack


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({"matchLabels": {"app": "web", "tier": "front"}}, "app=web,tier=front"),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, "app in (a,b)"),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "tier", "operator": "NotIn", "values": ["back"]},
                    {"key": "zone", "operator": "Exists"},
                    {"key": "old", "operator": "DoesNotExist"},
                ],
            },
            "app=web,tier notin (back),zone,!old",
        ),
    ],
)
def test_a_selector_is_asked_for_with_all_its_terms(selector, text):
    assert selector_text(selector) == text


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
