"""Containers of runs that are dead are found and removed; those of others are not."""

import os
from pathlib import Path

import pytest
from docker_daemon import a_container
from k3d_recorder import containers_of

from kyma_harness.clusters.docker import labels_of
from kyma_harness.kyma.choices import Choice
from kyma_harness.session.leftovers import find_leaks, leaked_containers
from kyma_harness.session.lifetime import bring_down
from kyma_harness.session.options import from_environment
from kyma_harness.session.record import Record


def kind_cluster(name: str, folder: Path):
    """The containers that a run with this state folder would have: kind's node has no label of ours."""
    return {
        f"{name}-control-plane": a_container(labels={"io.x-k8s.kind.cluster": name}),
        f"kind-{name}-registry": a_container(labels=labels_of(name, folder)),
    }


async def test_containers_of_a_run_whose_folder_is_gone_are_removed(daemon, tmp_path):
    daemon.put(kind_cluster("gone", tmp_path / "gone") | kind_cluster("here", tmp_path))

    (leak,) = await leaked_containers()
    removed = await leak.remove()

    assert leak.what == "gone-control-plane, kind-gone-registry of cluster gone"
    assert removed
    assert sorted(daemon.containers) == ["here-control-plane", "kind-here-registry"]


async def test_a_cluster_of_the_user_s_own_stays_though_it_has_the_name_of_a_dead_one(daemon, tmp_path):
    own = {
        "same-control-plane": a_container(labels={"io.x-k8s.kind.cluster": "same"}),
        "k3d-same-server-0": a_container(labels={"k3d.cluster": "same"}),
    }
    dead = {"k3d-same-registry": a_container(labels=labels_of("same", tmp_path / "gone"))}
    daemon.put(own | dead)

    (leak,) = await leaked_containers()
    await leak.remove()

    assert sorted(daemon.containers) == sorted(own)


async def test_containers_of_another_host_and_of_nobody_we_know_stay(daemon, tmp_path):
    foreign = a_container(
        labels={"kyma-harness.io/cluster": "far", "kyma-harness.io/owner": f"elsewhere:{tmp_path}/gone"}
    )
    daemon.put({"far": foreign, "old": a_container(labels={"kyma-harness.io/cluster": "old"})})

    assert await leaked_containers() == []


async def test_a_daemon_that_answers_no_more_is_no_reason_not_to_look_for_other_things(daemon):
    daemon.broken = (500, "the disk is full")

    assert await leaked_containers() == []


@pytest.mark.usefixtures("no_docker")
async def test_without_docker_there_are_no_containers():
    assert await leaked_containers() == []


async def test_a_start_that_was_killed_is_a_leak_and_k3d_removes_what_it_made(
    daemon, k3d, tools, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", f"{k3d.program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    settings = from_environment(
        cluster="test", state=tmp_path / "state", kyma=Choice.BUILTIN, detached=False, tools=tools.folder
    )
    Record.of(settings, provider="k3d", kyma="builtin", fingerprint={}).write(settings)
    (settings.cluster_state / "k3d.yaml").touch()
    daemon.put(containers_of("test"))
    k3d.reply({"cluster delete": [{"containers": {}}]})

    (leak,) = await find_leaks(settings)
    removed = await leak.remove()

    assert leak.kind == "cluster"
    assert removed
    assert "cluster delete" in k3d.commands
    assert not settings.cluster_state.exists()


async def test_a_cluster_is_brought_down_though_tools_module_and_managers_are_gone(
    daemon, k3d, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", f"{k3d.program.parent}:{os.environ['PATH']}")
    gone = tmp_path / "gone"
    settings = from_environment(
        cluster="test", state=tmp_path / "state", module=gone / "module.yaml", kyma_dist=gone, tools=gone
    )
    Record.of(settings, provider="k3d", kyma="real", fingerprint={}).write(settings)
    daemon.put(containers_of("test"))
    k3d.reply({"cluster delete": [{"containers": {}}]})

    found = await bring_down(settings)

    assert found
    assert "cluster delete" in k3d.commands
    assert not settings.cluster_state.exists()
