"""A container's life, stopped inside an await: by a deletion, another image, an API server that is away."""

import base64
import os
import signal

import pytest
from node_builders import container
from pod_builders import ENV_FROM, a_pod, config_map, shell, sleeper, until_file
from pod_rig import running_pod

from kubeloop.errors import UnreachableError
from kyma_harness.node.containers.view import Mounting


async def test_a_pod_that_is_deleted_while_its_container_is_prepared_starts_nothing(tmp_path):
    up = tmp_path / "up"
    of = a_pod(shell(f"touch {up}; exec sleep 600", envFrom=ENV_FROM))
    async with running_pod(of, tmp_path, objects=[config_map()]) as rig:
        gate = rig.api.hold("get", "ConfigMap")
        await gate.reached()

        rig.delete(grace=1)
        await rig.settled()
        gate.open()
        await rig.until_gone()

    assert not up.exists()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (config_map(KEY="a\0b"), "CreateContainerError"),
        (None, "CreateContainerConfigError"),
    ],
    ids=["NUL", "missing"],
)
async def test_what_cannot_be_started_is_told_and_healed_and_deleted(tmp_path, broken, reason):
    of = a_pod(sleeper(envFrom=ENV_FROM))
    async with running_pod(of, tmp_path, objects=[broken] if broken else []) as rig:
        await rig.until_state(reason)
        assert "Failed" in rig.reasons()

        rig.api.put(config_map(KEY="good"))
        await rig.until_state("running")

        rig.delete(grace=5)
        await rig.until_gone()


@pytest.mark.parametrize(("method", "kind"), [("get", "ConfigMap"), ("patch", "Pod"), ("apply", "Pod")])
async def test_an_error_that_nobody_thought_of_is_survived(tmp_path, method, kind):
    of = a_pod(container("web", "test/web:1", envFrom=ENV_FROM))
    async with running_pod(of, tmp_path, objects=[config_map()]) as rig:
        rig.api.refuse(method, RuntimeError("nobody thought of this"), kind=kind)

        await rig.until_state("running")
        rig.delete(grace=5)
        await rig.until_gone()


@pytest.mark.parametrize(
    "fields",
    [
        {"env": [{"name": "D", "value": "/etc"}], "volumeMounts": [{"subPathExpr": "$(D)"}]},
        {"env": [{"name": "D", "value": "../.."}], "volumeMounts": [{"subPathExpr": "$(D)"}]},
    ],
)
async def test_a_mount_that_leads_out_of_its_volume_starts_nothing(tmp_path, fields):
    mounts = [{"name": "data", "mountPath": "/data", **one} for one in fields["volumeMounts"]]
    web = shell("touch /data/by-pod", env=fields["env"], volumeMounts=mounts)
    async with running_pod(a_pod(web, volumes=[{"name": "data", "emptyDir": {}}]), tmp_path) as rig:
        await rig.until_state("CreateContainerConfigError")


async def test_a_working_folder_stays_in_its_volume(tmp_path):
    mounts = [{"name": "data", "mountPath": "/data"}]
    web = shell("pwd; exec sleep 600", workingDir="/data/../../../tmp", volumeMounts=mounts)
    of = a_pod(web, volumes=[{"name": "data", "emptyDir": {}}])
    async with running_pod(of, tmp_path, mounting=Mounting(privilege=None)) as rig:
        await rig.until_state("running")

        assert rig.working_folder().relative_to(tmp_path).parts[-2:] == ("root", "tmp")


async def test_what_a_pod_puts_in_the_place_of_our_files_is_replaced_and_never_written_through(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    script = f"ln -sf {precious} $WORDS; touch {tmp_path}/up; exec sleep 600"
    of = a_pod(shell(script, env=[{"name": "WORDS", "value": "/dev/termination-log"}]))
    async with running_pod(of, tmp_path) as rig:
        await rig.until_state("running")
        await rig.until_file("up")
        (pid,) = rig.processes()

        os.kill(pid, signal.SIGKILL)
        await rig.until(lambda: rig.container().get("restartCount") == 1)

        assert "message" not in rig.container()["lastState"]["terminated"]
        assert precious.read_text() == "mine"


async def test_a_log_that_cannot_be_written_is_told_and_healed(tmp_path):
    folder = tmp_path / "pods" / "shop_web-0_uid-1"
    folder.mkdir(parents=True)
    (folder / "logs").write_text("no folder, as if the disk were full")
    async with running_pod(a_pod(sleeper()), tmp_path) as rig:
        await rig.until_state("CreateContainerError")

        (folder / "logs").unlink()
        await rig.until_state("running")


@pytest.mark.parametrize(("method", "kind"), [("get", "ConfigMap"), ("patch", "Pod")])
async def test_a_pod_is_gone_also_if_what_its_container_waits_for_never_answers(tmp_path, method, kind):
    of = a_pod(container("web", "test/web:1", envFrom=ENV_FROM))
    async with running_pod(of, tmp_path, objects=[config_map()]) as rig:
        await rig.api.hold(method, kind).reached()

        rig.delete()
        await rig.until_gone()


async def test_a_pod_that_is_deleted_in_the_moment_in_which_all_is_prepared_starts_nothing(tmp_path):
    of = a_pod(sleeper(envFrom=ENV_FROM))
    async with running_pod(of, tmp_path, objects=[config_map()]) as rig:
        gate = rig.api.hold("get", "ConfigMap")
        await gate.reached()

        gate.open()
        rig.delete()
        await rig.until_gone()

        assert "Started" not in rig.reasons()
        assert rig.history() == ["ContainerCreating"]


async def test_an_image_that_is_replaced_while_it_is_prepared_is_never_started(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    script = f"test $IMAGE = old && touch {old}; touch {new}; exec sleep 600"
    of = a_pod(shell(script, envFrom=ENV_FROM))
    async with running_pod(of, tmp_path, objects=[config_map(IMAGE="old")]) as rig:
        gate = rig.api.hold("get", "ConfigMap")
        await gate.reached()

        rig.name_image("test/shell:2")
        await rig.settled()
        rig.api.put(config_map(IMAGE="new"))
        gate.open()
        await rig.until_state("running")
        await rig.until_file("new")

        assert not old.exists()
        assert rig.container()["restartCount"] == 0


async def test_what_appears_while_it_is_looked_for_is_taken_at_once(tmp_path):
    async with running_pod(a_pod(sleeper(envFrom=ENV_FROM)), tmp_path) as rig:
        await rig.until_state("CreateContainerConfigError")
        gate = rig.api.hold("get", "ConfigMap")
        rig.api.put(config_map(other="1"))
        await gate.reached()
        reads = rig.api.count("get", "ConfigMap")

        rig.api.put(config_map(KEY="1"))
        gate.open()
        await rig.until_state("running")

        assert rig.api.count("get", "ConfigMap") <= reads + 1


async def test_addresses_that_could_not_be_written_are_written_by_the_next_try(tmp_path):
    of = a_pod(container("web", "test/web:1"), container("more", "test/web:2"))
    async with running_pod(of, tmp_path) as rig:
        rig.api.refuse("patch", UnreachableError(rig.api.server, "connection refused"), kind="Pod")

        await rig.until_state("running")
        await rig.until_state("running", "more")

        assert "8080" in rig.pod["metadata"]["annotations"]["node.kyma-harness.io/addresses"]
        assert rig.api.count("patch", "Pod") == 2


async def test_a_pod_that_is_deleted_while_it_backs_off_tells_how_it_ended_last(tmp_path):
    count = tmp_path / "count"
    of = a_pod(shell(f"echo x >> {count}; exit $(wc -l < {count})"))
    async with running_pod(of, tmp_path, first_backoff=600.0) as rig:
        await rig.until_state("CrashLoopBackOff")

        rig.delete()
        await rig.until_gone()

        status = rig.container()
        assert status["state"]["terminated"]["exitCode"] == 2
        assert status["lastState"]["terminated"]["exitCode"] == 1


async def test_a_container_that_has_crashed_before_does_not_back_off_from_its_end(tmp_path):
    of = a_pod(shell(f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; exit 1; }}; exec sleep 600"))
    async with running_pod(of, tmp_path, first_backoff=600.0) as rig:
        await rig.until(lambda: rig.container().get("restartCount") == 1)

        rig.delete()
        await rig.until_gone()

        assert rig.history()[-2:] == ["running", "terminated"]


async def test_a_new_image_ends_the_backing_off(tmp_path):
    of = a_pod(shell(f"test -e {tmp_path}/good && exec sleep 600; exit 1"))
    async with running_pod(of, tmp_path, first_backoff=600.0) as rig:
        await rig.until_state("CrashLoopBackOff")

        (tmp_path / "good").touch()
        rig.name_image("test/shell:2")
        await rig.until_state("running")

        assert rig.container()["image"] == "test/shell:2"


async def test_a_new_image_starts_a_container_once_more_and_then_its_policy_decides_again(tmp_path):
    script = f"test -e {tmp_path}/new && exit 3; touch {tmp_path}/up; exec sleep 600"
    async with running_pod(a_pod(shell(script), restartPolicy="Never"), tmp_path) as rig:
        await rig.until_file("up")
        await rig.until_state("running")

        rig.file("new").touch()
        rig.name_image("test/shell:2")
        await rig.until(lambda: rig.status.get("phase") == "Failed", what="Failed")

        assert rig.exit_code() == 3
        assert rig.container()["restartCount"] == 1


async def test_a_container_that_is_replaced_does_not_end_its_pod_however_long_that_takes(tmp_path):
    web = shell("exec sleep 600", envFrom=ENV_FROM)
    async with running_pod(a_pod(web, restartPolicy="Never"), tmp_path, objects=[config_map(a="1")]) as rig:
        await rig.until_state("running")

        gate = rig.api.hold("get", "ConfigMap")
        rig.name_image("test/shell:2")
        await gate.reached()
        await rig.settled()
        assert rig.status["phase"] == "Running"

        gate.open()
        await rig.until(lambda: rig.container().get("restartCount") == 1)
        assert rig.status["phase"] == "Running"


async def test_the_logs_of_two_starts_are_kept(tmp_path):
    async with running_pod(a_pod(shell("exit 1")), tmp_path) as rig:
        await rig.until(lambda: rig.container().get("restartCount") == 4)

        (folder,) = tmp_path.glob("pods/*/logs/web")
        assert len(list(folder.iterdir())) == 2


async def test_a_pod_is_deleted_while_it_waits_for_an_image(tmp_path):
    async with running_pod(a_pod(container("web", "unknown:1")), tmp_path) as rig:
        await rig.until_state("ErrImagePull")

        rig.delete()
        await rig.until_gone()

        assert rig.state_of() == "ErrImagePull"


async def test_each_start_is_counted_and_has_a_log_also_if_there_was_no_program(tmp_path):
    program = tmp_path / "program"
    of = a_pod(container("web", "test/shell:1", command=[str(program)]))
    async with running_pod(of, tmp_path) as rig:
        await rig.until(lambda: rig.container().get("restartCount") == 2)
        assert rig.container()["lastState"]["terminated"]["reason"] == "StartError"
        assert await rig.log() == ""

        program.write_text("#!/bin/sh\necho here I am; exec sleep 600\n")
        program.chmod(0o755)
        await rig.until_state("running")
        await rig.until_output("here I am\n")

        assert await rig.log(previous=True) == ""
        assert rig.container()["restartCount"] >= 3


async def test_the_start_before_is_the_one_that_the_status_tells_of(tmp_path):
    count = tmp_path / "count"
    of = a_pod(shell(f"echo x >> {count}; echo crash $(wc -l < {count}); exit 1"))
    async with running_pod(of, tmp_path, first_backoff=600.0) as rig:
        await rig.until_state("CrashLoopBackOff")

        assert await rig.log() == "crash 2\n"
        assert await rig.log(previous=True) == "crash 2\n"


async def test_a_container_that_is_lost_to_an_error_is_told_and_started_again(tmp_path):
    broken = {"livenessProbe": {"httpGet": {"port": None}, "failureThreshold": 1}}
    async with running_pod(a_pod(sleeper(**broken)), tmp_path) as rig:
        await rig.until(lambda: rig.container().get("restartCount", 0) >= 1)

        ended = rig.container()["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")
        rig.delete()
        await rig.until_gone()


@pytest.mark.parametrize(
    ("fields", "history"),
    [
        ({"restartPolicy": "Never"}, ["ContainerCreating", "running", "terminated"]),
        (
            {
                "restartPolicy": "Never",
                "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}],
            },
            ["ContainerCreating", "running", "terminated", "running", "terminated"],
        ),
    ],
    ids=["Never", "Restart on 1"],
)
async def test_a_container_s_own_policy_decides_on_its_restarts(tmp_path, fields, history):
    gate, count = tmp_path / "go", tmp_path / "count"
    script = f"echo x >> {count}; {until_file(gate)}; rm {gate}; exit $(wc -l < {count})"
    async with running_pod(a_pod(shell(script, **fields)), tmp_path) as rig:
        for _ in range(history.count("running")):
            await rig.until_state("running")
            gate.touch()
            await rig.until(lambda: rig.state_of() != "running")
        await rig.until(lambda: rig.status.get("phase") == "Failed", what="Failed")

        assert rig.history() == history


async def test_bytes_that_are_no_text_reach_the_process_as_they_are(tmp_path):
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bytes", "namespace": "shop"},
        "data": {"RAW": base64.b64encode(b"\xff\xfeab").decode()},
    }  # fmt: skip
    conf = {**config_map(TEXT="1"), "binaryData": {"BINARY": "/w=="}}
    env_from = [{"secretRef": {"name": "bytes"}}, *ENV_FROM]
    script = f'printf %s "$RAW" > {tmp_path}/raw; echo "$BINARY." > {tmp_path}/binary; exec sleep 600'
    async with running_pod(a_pod(shell(script, envFrom=env_from)), tmp_path, objects=[secret, conf]) as rig:
        await rig.until_file("binary")

        assert rig.file("raw").read_bytes() == b"\xff\xfeab"
        assert rig.file("binary").read_text() == ".\n"


async def test_a_message_that_cannot_be_sent_as_it_is_is_sent_all_the_same(tmp_path):
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bytes", "namespace": "shop"},
        "data": {"RAW": base64.b64encode(b"\xff").decode()},
    }  # fmt: skip
    web = container(
        "web", "test/shell:1", command=["/none/$(RAW)"], envFrom=[{"secretRef": {"name": "bytes"}}]
    )
    async with running_pod(a_pod(web, restartPolicy="Never"), tmp_path, objects=[secret]) as rig:
        await rig.until_state("terminated")

        assert "/none/?" in rig.container()["state"]["terminated"]["message"]
