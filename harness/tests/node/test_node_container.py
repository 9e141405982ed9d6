"""A container's life, stopped inside an await: by a deletion, another image, an API server that is away."""

import os
import signal

import pytest
from node_builders import container, pod
from pod_rig import running_pod


def a_pod(*containers, **fields):
    fields = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, **fields}
    return pod(*containers, **fields)


def shell(script, name="web", **fields):
    return container(name, "test/shell:1", command=["sh", "-c", script], **fields)


def config_map(name="conf", **data):
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


ENV_FROM = [{"configMapRef": {"name": "conf"}}]


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
    of = a_pod(shell("exec sleep 600", envFrom=ENV_FROM))
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
    async with running_pod(a_pod(web, volumes=[{"name": "data", "emptyDir": {}}]), tmp_path) as rig:
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
    async with running_pod(a_pod(shell("exec sleep 600")), tmp_path) as rig:
        await rig.until_state("CreateContainerError")

        (folder / "logs").unlink()
        await rig.until_state("running")
