"""A pod's way, stopped inside an await; whatever raises, it is told and the pod can be deleted."""

import pytest
from node_builders import container, pod
from pod_rig import running_pod


def a_pod(*containers, **fields):
    return pod(*containers, **{"terminationGracePeriodSeconds": 5, **fields})


def config_map(**data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "conf", "namespace": "shop"},
        "data": data,
    }


SLEEPER = container("web", "test/shell:1", command=["sleep", "600"])


def volume(*paths):
    return {
        "name": "conf",
        "configMap": {"name": "conf", "items": [{"key": "a", "path": path} for path in paths]},
    }


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
