import pytest
from node_builders import container, ended, pod, record, running

from kyma_harness.node.pods.status import PodPicture, status_of
from kyma_harness.node.states import Waiting


def a_picture(*main, init=(), policy="Always", of=None, **fields):
    return PodPicture(
        pod=of or pod(restartPolicy=policy), init=list(init), main=list(main), pod_ip="10.244.0.7",
        host_ip="127.0.0.1", start_time="2022-12-05T19:53:13Z", **fields,
    )  # fmt: skip


def condition(status, kind):
    (found,) = [one for one in status["conditions"] if one["type"] == kind]
    return found


@pytest.mark.parametrize(
    ("records", "policy", "phase"),
    [
        ([record()], "Always", "Pending"),
        ([record(state=running()), record("b")], "Always", "Pending"),
        ([record(state=running()), record("b", ended(1))], "Always", "Running"),
        ([record(state=Waiting("CrashLoopBackOff"), last=ended(1))], "Always", "Running"),
        ([record(state=ended(0))], "Always", "Running"),
        ([record(state=ended(0))], "OnFailure", "Succeeded"),
        ([record(state=ended(1))], "OnFailure", "Running"),
        ([record(state=ended(1))], "Never", "Failed"),
        ([record(state=ended(0)), record("b", ended(0))], "Never", "Succeeded"),
        ([record(state=ended(0)), record("b", running())], "Never", "Running"),
    ],
)
def test_the_phase_follows_from_states_and_restart_policy(records, policy, phase):
    assert a_picture(*records, policy=policy).phase == phase


@pytest.mark.parametrize(("exit_code", "phase"), [(0, "Succeeded"), (143, "Failed")])
def test_a_pod_that_was_ended_is_over_whatever_its_policy(exit_code, phase):
    assert a_picture(record(state=ended(exit_code)), ending=True).phase == phase


def test_a_pod_that_is_ending_runs_until_its_last_container_has_ended():
    assert a_picture(record(state=ended(0)), record("b", running()), ending=True).phase == "Running"


def test_a_pod_waits_for_its_init_containers():
    status = status_of(a_picture(record(), init=[record("prepare", running())]))

    assert status["phase"] == "Pending"
    initialized = condition(status, "Initialized")
    assert (initialized["status"], initialized["reason"]) == ("False", "ContainersNotInitialized")
    assert initialized["message"] == "containers with incomplete status: [prepare]"


@pytest.mark.parametrize(("policy", "phase"), [("Never", "Failed"), ("Always", "Pending")])
def test_a_failed_init_container_fails_the_pod_only_if_it_is_never_restarted(policy, phase):
    assert a_picture(record(), init=[record("prepare", ended(1))], policy=policy).phase == phase


def test_a_sidecar_counts_as_initialized_and_must_be_ready():
    sidecar = record("proxy", running(), initialized=True, ready=False)

    status = status_of(
        a_picture(record(state=running(), ready=True), init=[sidecar], sidecars=frozenset({"proxy"}))
    )

    assert status["phase"] == "Running"
    assert condition(status, "Initialized")["status"] == "True"
    assert condition(status, "ContainersReady")["message"] == "containers with unready status: [proxy]"


def test_a_pod_is_not_over_while_a_sidecar_is_still_ending():
    sidecar = record("proxy", running(), initialized=True)

    picture = a_picture(record(state=ended(0)), init=[sidecar], sidecars=frozenset({"proxy"}), policy="Never")

    assert picture.phase == "Running"


def test_a_pod_is_ready_when_all_its_containers_are():
    status = status_of(a_picture(record(state=running(), ready=True, started=True)))

    assert condition(status, "Ready")["status"] == "True"
    assert condition(status, "ContainersReady")["status"] == "True"
    assert condition(status, "PodScheduled")["status"] == "True"


def test_the_containers_that_are_not_ready_are_named():
    status = status_of(a_picture(record(state=running(), ready=True), record("db", running())))

    ready = condition(status, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [db]"


@pytest.mark.parametrize("gate", ["True", "False"])
def test_a_readiness_gate_holds_the_pod_back_until_it_opens(gate):
    gated = pod(container(), readinessGates=[{"conditionType": "example.com/open"}])
    known = {"example.com/open": {"type": "example.com/open", "status": gate}}

    status = status_of(a_picture(record(state=running(), ready=True), of=gated, known=known))

    assert condition(status, "Ready")["status"] == gate
    assert condition(status, "ContainersReady")["status"] == "True"


def test_a_condition_keeps_its_time_until_its_status_changes():
    since = "2022-12-05T19:53:13Z"
    known = {
        kind: {"type": kind, "status": "False", "lastTransitionTime": since}
        for kind in ("Ready", "Initialized")
    }

    status = status_of(a_picture(record(state=running()), known=known))

    assert condition(status, "Ready")["lastTransitionTime"] == since
    assert condition(status, "Initialized")["lastTransitionTime"] != since


def test_a_completed_pod_says_so():
    status = status_of(a_picture(record(state=ended(0)), policy="Never"))

    assert condition(status, "Ready") | {"lastTransitionTime": ""} == {
        "type": "Ready", "status": "False", "reason": "PodCompleted", "lastTransitionTime": "",
    }  # fmt: skip
    assert condition(status, "Initialized")["reason"] == "PodCompleted"


def test_a_verdict_of_the_node_fails_the_pod_with_its_reason():
    status = status_of(a_picture(record(state=ended(137)), verdict=("DeadlineExceeded", "too long")))

    assert (status["phase"], status["reason"], status["message"]) == (
        "Failed",
        "DeadlineExceeded",
        "too long",
    )


@pytest.mark.parametrize("left", [record(state=running()), record(has_process=True)])
@pytest.mark.parametrize("before", ["Pending", "Running"])
def test_a_pod_is_over_only_when_none_of_its_processes_is_left(left, before):
    verdict = ("DeadlineExceeded", "too long")

    status = status_of(a_picture(left, verdict=verdict, ending=True, before=before))

    assert status["phase"] == before
    assert "reason" not in status
    assert condition(status, "Ready")["reason"] == "PodFailed"


def a_rule(action, operator, *codes):
    return {"action": action, "exitCodes": {"operator": operator, "values": list(codes)}}


@pytest.mark.parametrize(
    ("fields", "policy", "exit_code", "phase"),
    [
        ({"restartPolicy": "Never"}, "Always", 0, "Succeeded"),
        ({"restartPolicy": "Never"}, "Always", 1, "Failed"),
        ({"restartPolicy": "OnFailure"}, "Never", 1, "Running"),
        (
            {"restartPolicy": "Never", "restartPolicyRules": [a_rule("Restart", "In", 42)]},
            "Never", 42, "Running",
        ),
        (
            {"restartPolicy": "Never", "restartPolicyRules": [a_rule("Restart", "In", 42)]},
            "Never", 41, "Failed",
        ),
    ],
)  # fmt: skip
def test_a_container_s_own_policy_decides_before_the_pod_s(fields, policy, exit_code, phase):
    of = pod(container(**fields), restartPolicy=policy)

    assert a_picture(record(state=ended(exit_code)), of=of).phase == phase


def test_a_sidecar_is_ready_when_its_probe_says_so_and_an_init_container_when_it_has_succeeded():
    init = [
        record("proxy", running(), initialized=True, ready=False),
        record("done", ended(0), initialized=True),
        record("failed", ended(1)),
    ]

    status = status_of(a_picture(record(), init=init, sidecars=frozenset({"proxy"})))

    assert {one["name"]: one["ready"] for one in status["initContainerStatuses"]} == {
        "proxy": False, "done": True, "failed": False,
    }  # fmt: skip


def test_the_generation_that_was_seen_stands_in_the_status_and_in_each_condition():
    status = status_of(a_picture(record(), of=pod(metadata={"generation": 7})))

    assert status["observedGeneration"] == 7
    assert {one["observedGeneration"] for one in status["conditions"]} == {7}


def test_a_container_status_tells_states_and_restarts():
    crashed = record(
        state=Waiting("CrashLoopBackOff", "back-off 10s"), last=ended(137), restart_count=3,
        container_id="process://7",
    )  # fmt: skip

    (status,) = status_of(a_picture(crashed))["containerStatuses"]

    assert status["restartCount"] == 3
    assert status["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert status["containerID"] == "process://7"
