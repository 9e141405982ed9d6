"""What is read from an object as the reason why it may never get there."""

import pytest
from observed_objects import a_lamp, a_pod, an_object

from kyma_harness.wait.give_up import Category, Patience
from kyma_harness.wait.symptoms import symptoms_of, symptoms_of_end, symptoms_of_events

PATIENCE = Patience()


def found(obj, patience=PATIENCE):
    return [one.category for one in symptoms_of(obj, patience)]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_pulled_is_named_with_the_node_s_words(reason):
    (symptom,) = symptoms_of(a_pod(waiting=reason), PATIENCE)

    assert symptom.category is Category.IMAGE
    assert str(symptom) == (
        f"Pod shop/web-0, container main: its image shop/web:1 cannot be pulled ({reason}): "
        f"{reason}, says the node"
    )


def test_pulling_and_backing_off_are_one_trouble():
    (pulling,) = symptoms_of(a_pod(waiting="ErrImagePull"), PATIENCE)
    (backing_off,) = symptoms_of(a_pod(waiting="ImagePullBackOff"), PATIENCE)

    assert pulling.identity == backing_off.identity


def test_a_container_that_is_being_created_is_no_trouble():
    assert found(a_pod(waiting="ContainerCreating")) == []


def test_a_crash_becomes_a_loop_with_the_restarts_that_are_borne():
    once = a_pod(waiting="CrashLoopBackOff", restarts=1, ended={"exitCode": 3})
    twice = a_pod(waiting="CrashLoopBackOff", restarts=2, ended={"exitCode": 3})

    assert found(once) == []
    assert found(twice) == [Category.CRASH_LOOP]
    assert found(once, Patience(restarts=1)) == [Category.CRASH_LOOP]


def test_a_crash_loop_says_how_it_ended():
    pod = a_pod(waiting="CrashLoopBackOff", restarts=2, ended={"exitCode": 137, "reason": "OOMKilled"})

    (symptom,) = symptoms_of(pod, PATIENCE)

    assert symptom.cause == "it crashes again and again (restarts: 2): exit code 137, OOMKilled"


def test_a_pod_that_is_being_deleted_has_no_symptoms():
    assert found(a_pod(waiting="ErrImagePull", deletionTimestamp="2022-12-05T19:53:13Z")) == []


def test_a_pod_that_fits_no_node_is_unschedulable():
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}

    assert found(a_pod(conditions=[condition])) == [Category.UNSCHEDULABLE]


def test_a_bad_state_comes_with_the_words_of_the_condition_ready():
    conditions = [
        {"type": "Wired", "status": "False", "reason": "NoWire"},
        {"type": "Ready", "status": "False", "reason": "BulbBurnt", "message": "no light"},
    ]

    (symptom,) = symptoms_of(a_lamp("Error", conditions=conditions), PATIENCE)

    assert str(symptom) == "Lamp shop/kitchen: its state is Error, BulbBurnt: no light"


def test_a_state_that_is_waited_for_is_no_trouble():
    assert found(a_lamp("Error"), PATIENCE.accepting("Error")) == []


def test_a_reason_can_be_declared_hopeless():
    conditions = [{"type": "Ready", "status": "False", "reason": "NeedsAPerson", "message": "call one"}]
    lamp = a_lamp("Warning", conditions=conditions)

    assert found(lamp) == []
    assert found(lamp, Patience(reasons=frozenset({"NeedsAPerson"}))) == [Category.STATE]


def test_pods_that_the_api_refuses_are_a_trouble_of_the_workload():
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "forbidden"}
    deployment = an_object("Deployment", "web", apiVersion="apps/v1", status={"conditions": [condition]})

    assert found(deployment) == [Category.REPLICAS]


@pytest.mark.parametrize("category", list(Category))
def test_endless_patience_bears_everything(category):
    assert Patience.endless().limit(category) is None


def test_what_is_only_guessed_never_ends_a_wait():
    assert Patience().limit(Category.UNKNOWN) is None


def test_a_status_of_a_strange_shape_is_no_trouble():
    assert found(an_object("Odd", status={"conditions": "none", "state": 7})) == []


def a_failed_pod(**metadata):
    return an_object("Pod", "web-0", status={"phase": "Failed", "reason": "Evicted"}, **metadata)


def owner(kind):
    return [{"kind": kind, "name": "of", "uid": "uid-of-it", "controller": True}]


def test_a_pod_that_has_ended_is_over_at_once_and_no_trouble_of_whom_it_belongs_to():
    (symptom,) = symptoms_of_end(a_failed_pod())

    assert str(symptom) == "Pod shop/web-0: it has ended (Failed): Evicted"
    assert PATIENCE.limit(symptom.category) == 0
    assert found(a_failed_pod()) == []


def test_a_pod_that_a_stateful_set_replaces_is_not_over():
    assert list(symptoms_of_end(a_failed_pod(ownerReferences=owner("StatefulSet")))) == []
    assert list(symptoms_of_end(a_failed_pod(ownerReferences=owner("ReplicaSet")))) != []


def test_a_job_that_has_failed_is_over():
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too many"}
    job = an_object("Job", "task", apiVersion="batch/v1", status={"conditions": [failed]})

    (symptom,) = symptoms_of_end(job)

    assert str(symptom) == "Job shop/task: it has failed: BackoffLimitExceeded: too many"


def test_what_is_stalled_says_so_itself():
    stalled = {"type": "Stalled", "status": "True", "reason": "NoBulb", "message": "none fits"}

    assert found(a_lamp("Processing", conditions=[stalled])) == [Category.STATE]


@pytest.mark.parametrize("reason", ["StartError", "ContainerCannotRun"])
@pytest.mark.parametrize("restarts", [0, 1, 5])
def test_a_program_that_is_not_there_is_no_crash(reason, restarts):
    ended = {"exitCode": 128, "reason": reason, "message": "bin/manager: No such file or directory"}

    (symptom,) = symptoms_of(a_pod(waiting="CrashLoopBackOff", restarts=restarts, ended=ended), PATIENCE)

    assert symptom.category is Category.CONFIGURATION
    assert symptom.cause == f"it cannot be started ({reason}): bin/manager: No such file or directory"


def test_a_program_that_is_there_by_now_is_no_trouble():
    pod = a_pod(ended={"exitCode": 128, "reason": "StartError"})
    pod["status"]["containerStatuses"][0]["state"] = {"running": {}}

    assert found(pod) == []


def an_event(reason, message="no such Secret", second=1):
    return {
        **an_object("Event", reason),
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2022-12-05T19:53:{second:02}Z",
    }


def test_a_volume_that_cannot_be_mounted_is_told_by_its_event():
    (symptom,) = symptoms_of_events(a_pod(waiting="ContainerCreating"), [an_event("FailedMount")])

    assert symptom.category is Category.CONFIGURATION
    assert str(symptom) == "Pod shop/web-0: it waits for its volumes (FailedMount): no such Secret"


def test_a_volume_that_is_there_by_now_is_no_trouble():
    pod = a_pod()
    pod["status"]["containerStatuses"][0]["state"] = {"running": {}}

    assert list(symptoms_of_events(pod, [an_event("FailedMount")])) == []


@pytest.mark.parametrize(
    ("kind", "spec", "status", "lacks"),
    [
        ("StatefulSet", {"replicas": 1}, {}, True),
        ("StatefulSet", {"replicas": 1}, {"replicas": 1}, False),
        ("DaemonSet", {}, {"desiredNumberScheduled": 1}, True),
        ("DaemonSet", {}, {"desiredNumberScheduled": 1, "currentNumberScheduled": 1}, False),
        ("Job", {}, {}, True),
        ("Job", {}, {"active": 1}, False),
        ("ConfigMap", {}, {}, False),
    ],
)
def test_pods_that_cannot_be_made_are_told_by_an_event_for_as_long_as_they_lack(kind, spec, status, lacks):
    obj = an_object(kind, "cache", spec=spec, status=status)

    seen = list(symptoms_of_events(obj, [an_event("FailedCreate", "no PriorityClass x")]))

    assert [one.cause for one in seen] == [
        "its pods cannot be made (FailedCreate): no PriorityClass x"
    ] * lacks


def test_pods_that_could_be_made_in_the_end_are_no_trouble():
    obj = an_object("StatefulSet", "cache", spec={"replicas": 2}, status={"replicas": 1})
    events = [an_event("FailedCreate"), an_event("SuccessfulCreate", second=2)]

    assert list(symptoms_of_events(obj, events)) == []


@pytest.mark.parametrize(
    ("message", "why"),
    [("Lamp in Error state", ""), ("installation error", ""), ("no bulb", ", Lamp: no bulb")],
)
def test_a_condition_that_says_no_more_than_the_state_explains_nothing(message, why):
    conditions = [{"type": "Ready", "status": "False", "reason": "Lamp", "message": message}]

    (symptom,) = symptoms_of(a_lamp("Error", conditions=conditions), PATIENCE)

    assert symptom.cause == f"its state is Error{why}"
