"""A pod's way, stopped inside an await; whatever raises, it is told and the pod can be deleted."""

import pytest
from pod_builders import a_pod, config_map, hooks, shell, sleeper, until_file, volume
from pod_rig import running_pod

SLEEPER = sleeper()


@pytest.mark.parametrize(
    "of",
    [
        a_pod(SLEEPER, volumes=[volume("a", "a/b")]),
        a_pod(SLEEPER, volumes=[volume("n" * 300)]),
        a_pod(SLEEPER, volumes=[{"name": "conf", "configMap": {"name": "conf", "defaultMode": "odd"}}]),
    ],
    ids=["a file is a folder", "name too long", "no mode"],
)
async def test_a_volume_that_cannot_be_written_is_told_and_the_pod_can_be_deleted(tmp_path, of):
    async with running_pod(of, tmp_path, objects=[config_map(a="1")]) as rig:
        await rig.until(lambda: "FailedMount" in rig.reasons(), what="FailedMount")

        rig.delete()
        await rig.until_gone()


async def test_a_name_as_long_as_the_api_allows_makes_no_folder_too_long(tmp_path):
    async with running_pod(a_pod(SLEEPER, name="p" * 253), tmp_path) as rig:
        await rig.until_state("running")


async def test_a_volume_that_fails_in_a_way_nobody_thought_of_is_tried_again(tmp_path):
    async with running_pod(
        a_pod(SLEEPER, volumes=[volume("a")]), tmp_path, objects=[config_map(a="1")]
    ) as rig:
        rig.api.refuse("get", RuntimeError("nobody thought of this"), kind="ConfigMap")

        await rig.until_state("running")


async def test_a_pod_whose_containers_cannot_be_run_at_all_fails_and_can_be_deleted(tmp_path):
    of = a_pod(SLEEPER)
    of["spec"]["activeDeadlineSeconds"] = "odd"
    async with running_pod(of, tmp_path) as rig:
        await rig.until(lambda: rig.status.get("phase") == "Failed", what="Failed")
        assert "FailedSync" in rig.reasons()

        rig.delete()
        await rig.until_gone()


async def test_a_removal_that_the_api_server_refuses_is_tried_again(tmp_path):
    async with running_pod(a_pod(SLEEPER), tmp_path) as rig:
        await rig.until_state("running")
        rig.api.refuse("delete", RuntimeError("nobody thought of this"), kind="Pod")

        rig.delete()
        await rig.until_gone()


async def test_a_pod_that_is_deleted_while_the_api_server_is_away_is_gone_when_it_is_back(tmp_path):
    async with running_pod(a_pod(SLEEPER), tmp_path) as rig:
        await rig.until_state("running")
        rig.api.is_away = True
        calls = len(rig.api.calls)
        rig.delete(grace=1)
        await rig.until(lambda: len(rig.api.calls) > calls + 2, what="another try")
        assert not rig.processes()

        rig.api.is_away = False
        await rig.until_gone()


@pytest.mark.parametrize("method", ["apply", "delete"])
async def test_a_node_that_drains_does_not_wait_for_an_api_server_that_never_answers(tmp_path, method):
    async with running_pod(a_pod(SLEEPER), tmp_path) as rig:
        await rig.until_state("running")
        gate = rig.api.hold(method, "Pod")
        rig.delete(grace=5)
        await gate.reached()

        await rig.pods.drain(60)

        assert not rig.processes()
        assert rig.pod is not None


async def test_a_node_that_drains_tells_nobody_and_removes_nothing(tmp_path):
    async with running_pod(a_pod(SLEEPER), tmp_path) as rig:
        await rig.until_state("running")
        told = len(rig.api.statuses)

        await rig.pods.drain(5)

        assert not rig.processes()
        assert len(rig.api.statuses) == told
        assert rig.pod is not None


async def test_a_pod_is_gone_also_if_its_volumes_never_answer(tmp_path):
    async with running_pod(a_pod(SLEEPER, volumes=[volume("a")]), tmp_path) as rig:
        await rig.api.hold("get", "ConfigMap").reached()

        rig.delete()
        await rig.until_gone()


async def test_a_pod_is_deleted_while_its_status_is_being_written(tmp_path):
    async with running_pod(a_pod(SLEEPER), tmp_path) as rig:
        gate = rig.api.hold("apply", "Pod")
        await gate.reached()

        rig.delete(grace=5)
        await rig.settled()
        gate.open()
        await rig.until_gone()


async def test_a_deadline_fails_the_pod_when_its_last_process_has_ended_and_not_before(tmp_path):
    gate = tmp_path / "go"
    script = f"trap '{until_file(gate)}; exit 0' TERM; while true; do sleep 0.02; done"
    of = a_pod(shell(script), activeDeadlineSeconds=3)
    async with running_pod(of, tmp_path) as rig:
        await rig.until(lambda: "Killing" in rig.reasons())
        await rig.until(lambda: ready_reason(rig.status) == "PodFailed")
        assert rig.status["phase"] == "Running"
        assert rig.processes()

        gate.touch()
        await rig.until(lambda: rig.status["phase"] == "Failed")

        assert rig.status["reason"] == "DeadlineExceeded"
        assert rig.exit_code() == 0


async def test_a_deadline_that_is_set_or_shortened_while_the_pod_runs_counts(tmp_path):
    for before in (None, 3600):
        fields = {} if before is None else {"activeDeadlineSeconds": before}
        async with running_pod(a_pod(shell("exec sleep 600"), **fields), tmp_path / str(before)) as rig:
            await rig.until_state("running")

            rig.set_spec(activeDeadlineSeconds=1)

            await rig.until(lambda: rig.status["phase"] == "Failed")
            assert rig.status["reason"] == "DeadlineExceeded"


async def test_a_deadline_that_is_over_is_told_once_whatever_changes_after_it(tmp_path):
    gate = tmp_path / "go"
    script = f"trap '{until_file(gate)}; exit 0' TERM; while true; do sleep 0.02; done"
    async with running_pod(a_pod(shell(script), activeDeadlineSeconds=1), tmp_path) as rig:
        await rig.until(lambda: "DeadlineExceeded" in rig.reasons())

        rig.change(labels={"colour": "red"})
        gate.touch()
        await rig.until(lambda: rig.status["phase"] == "Failed")

        assert list(rig.reasons()).count("DeadlineExceeded") == 1


def ready_reason(status):
    return next((one.get("reason") for one in status.get("conditions", ()) if one["type"] == "Ready"), None)


async def test_a_pod_that_vanishes_while_its_hook_runs_leaves_no_process(tmp_path):
    of = a_pod(sleeper(**hooks(preStop=f"touch {tmp_path}/hook; sleep 600")))
    async with running_pod(of, tmp_path) as rig:
        await rig.until_state("running")
        rig.delete(grace=600)
        await rig.until_file("hook")

        rig.api.drop("Pod", "web-0")
        await rig.until_over()

        assert not rig.processes()


async def test_logs_of_a_pod_that_has_been_cleaned_up_are_refused_with_a_sentence(tmp_path):
    async with running_pod(a_pod(shell("echo hello; exec sleep 600")), tmp_path) as rig:
        await rig.until_state("running")
        await rig.until_output("hello\n")
        rig.api.watch = lambda *_: None  # the watch is late
        rig.pods.on_pod(rig.pod, {**rig.pod, "metadata": {**rig.pod["metadata"], **DELETED}})
        await rig.until_over()

        with pytest.raises(LookupError, match="pod shop/web-0 has ended, and its logs with it"):
            await rig.log()


DELETED = {"deletionTimestamp": "2022-12-05T19:53:13Z", "deletionGracePeriodSeconds": 1}


async def test_a_pod_that_asks_for_what_this_node_cannot_do_is_refused(tmp_path):
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [1]}}
    web = sleeper(restartPolicy="Never", restartPolicyRules=[rule])
    async with running_pod(a_pod(web), tmp_path) as rig:
        await rig.until(lambda: rig.status.get("phase") == "Failed")

        assert rig.status["reason"] == "PodFeatureUnsupported"
        assert "RestartAllContainersOnContainerExits" in rig.status["message"]
        rig.delete()
        await rig.until_gone()
