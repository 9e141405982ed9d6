import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clusters import (
    a_cluster,
    all_free,
    entries,
    kubectl,
    listeners_of,
    process_of,
    processes_of,
    programs_of,
)
from eventually import eventually, first_line, is_gone
from substitution import substituted

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.errors import ClusterStartError, ClusterStopError
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.blocking import Portal
from kyma_harness.host.process import spawn
from kyma_harness.toolchain.toolchain import ToolPaths
from kyma_harness.wait.steps import Step

STARTER = """
import asyncio, sys
from pathlib import Path
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.toolchain.toolchain import ToolPaths

async def main(state, tools):
    cluster = await EmbeddedCluster.start(
        name="test", state=Path(state), tools=ToolPaths(folder=Path(tools)), detached=False
    )
    print(cluster.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What was seen of a cluster from its start to its end."""

    steps: list[Step]
    nodes: Any
    pids: list[int]
    ports: list[int]
    left: list[str]


@pytest.fixture(scope="module")
def life(portal: Portal, tools: ToolPaths, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """The life of a cluster that is started from a folder with modules of everybody's names."""
    root = tmp_path_factory.mktemp("life")
    project = root / "project"
    for name in ("kubeloop/__init__.py", "controller/__init__.py", "yaml.py", "asyncio.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("raise RuntimeError('the project was imported')\n")

    async def lived() -> Life:
        steps = list[Step]()
        async with a_cluster(Path("../state"), tools, on_step=steps.append) as cluster:
            nodes = await kubectl(cluster, "get", "nodes")
            processes, ports = processes_of(cluster.state), [port for _, port in listeners_of(cluster)]
            await cluster.stop()
            left = entries(root)
        return Life(steps=steps, nodes=nodes, pids=[cluster.pid, *processes], ports=ports, left=left)

    with pytest.MonkeyPatch.context() as here:
        here.chdir(project)
        here.setenv("PYTHONPATH", ".")
        return portal.call(lived())


def test_a_stopped_cluster_leaves_no_process_port_or_folder(life: Life) -> None:
    assert len(life.pids) >= 6
    assert len(life.ports) >= 5
    assert [pid for pid in life.pids if not is_gone(pid)] == []
    assert all_free(life.ports)
    assert life.left == ["project"]


def test_a_cluster_starts_whatever_lies_in_the_folder_it_is_started_from(life: Life) -> None:
    assert life.nodes["items"]


def test_starting_tells_each_step(life: Life) -> None:
    ready = [step.name for step in life.steps if step.state == "ready"]
    assert set(ready) >= {"etcd", "kube-apiserver", "registry", "kube-scheduler", "node"}
    assert ready[-1] == "cluster"


async def test_when_the_supervisor_is_killed_whatever_its_pods_started_dies_and_the_remains_are_removed(
    tmp_path: Path, tools: ToolPaths
) -> None:
    state, rules = tmp_path / "state", tmp_path / "rules.yaml"
    rules.write_text("- {image: daemon, command: [sh, -c, 'setsid sleep 600 & sleep 600']}\n")
    async with a_cluster(state, tools, detached=True, rules=[rules]) as cluster:
        await kubectl(cluster, "run", "daemon", "--image=daemon")
        await eventually(lambda: programs_of(state).count("sleep") == 2)

        os.kill(cluster.pid, signal.SIGKILL)

        await eventually(lambda: not processes_of(state))
        assert EmbeddedCluster.attach(state) is None
        assert await EmbeddedCluster.take_down(state)

    assert not state.exists()


async def test_a_start_clears_what_a_killed_supervisor_left(tmp_path: Path, tools: ToolPaths) -> None:
    state = tmp_path / "state"
    async with a_cluster(state, tools, detached=True) as killed:
        os.kill(killed.pid, signal.SIGKILL)
        await eventually(lambda: is_gone(killed.pid))

        async with a_cluster(state, tools) as cluster:
            namespaces = await kubectl(cluster, "get", "namespaces")

    assert cluster.pid != killed.pid
    assert "default" in [item["metadata"]["name"] for item in namespaces["items"]]


async def test_a_cluster_goes_with_the_process_that_started_it(tmp_path: Path, tools: ToolPaths) -> None:
    state, out = tmp_path / "state", tmp_path / "out"
    command = [sys.executable, "-c", STARTER, state, tools.folder]
    starter = await spawn(command, name="starter", env=dict(os.environ), stdout=out)
    try:
        await eventually(lambda: out.exists() and "\n" in out.read_text(), within=200)
        supervisor = int(await first_line(out))

        os.kill(starter.pid, signal.SIGKILL)

        await eventually(lambda: is_gone(supervisor))
        assert processes_of(state) == []
        assert not state.exists()
    finally:
        await starter.terminate(grace=1)
        await EmbeddedCluster.take_down(state)


async def test_a_component_that_fails_shows_its_last_lines_and_leaves_nothing(
    tmp_path: Path, tools: ToolPaths
) -> None:
    broken = substituted(tools, tmp_path / "tools", "registry", "echo 'no space left on device'; exit 7")

    with pytest.raises(ClusterStartError, match=r"(?s)registry ended with 7 .*no space left on device"):
        await EmbeddedCluster.start(name="test", state=tmp_path / "state", tools=broken, detached=False)

    assert not (tmp_path / "state").exists()


async def test_a_component_that_does_not_get_ready_is_named_when_time_is_up(
    tmp_path: Path, tools: ToolPaths
) -> None:
    idle = substituted(tools, tmp_path / "tools", "registry", "exec sleep 600")

    with pytest.raises(
        ClusterStartError, match=r"cluster test is not ready after 30 s, it waits for .*registry"
    ) as late:
        await EmbeddedCluster.start(
            name="test", state=tmp_path / "state", tools=idle, detached=False, timeout=30
        )

    assert late.value.timed_out
    assert processes_of(tmp_path / "state") == []
    assert not (tmp_path / "state").exists()


async def test_a_port_that_is_taken_is_named_with_its_holder(tmp_path: Path, tools: ToolPaths) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]

        with pytest.raises(ClusterStartError, match=rf"port {port} .* in use by process {os.getpid()} \("):
            await EmbeddedCluster.start(
                name="test", state=tmp_path / "state", tools=tools, detached=False, registry_port=port
            )

    assert not (tmp_path / "state").exists()


async def test_a_rule_file_that_is_wrong_is_named_before_anything_starts(
    tmp_path: Path, tools: ToolPaths
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- image: '*'\n  comand: [x]\n")
    steps = list[Step]()

    with pytest.raises(ClusterStartError, match=r"rules\.yaml.*comand"):
        await EmbeddedCluster.start(
            name="test",
            state=tmp_path / "state",
            tools=tools,
            rules=[rules],
            detached=False,
            on_step=steps.append,
        )

    assert [step.name for step in steps] == ["cluster"]


async def test_a_component_that_ends_later_stops_the_cluster_and_its_log_stays(
    tmp_path: Path, tools: ToolPaths
) -> None:
    state = tmp_path / "state"
    async with a_cluster(state, tools) as cluster:
        os.kill(process_of(state, "kube-scheduler"), signal.SIGKILL)

        await eventually(lambda: is_gone(cluster.pid))
        assert processes_of(state) == []
        assert "kube-scheduler ended with -9" in (state / "logs" / "supervisor.log").read_text()


async def test_a_cluster_that_ends_is_not_taken_up_while_its_pods_have_their_time(
    tmp_path: Path, tools: ToolPaths
) -> None:
    state, rules = tmp_path / "state", tmp_path / "rules.yaml"
    rules.write_text("- {image: slow, command: [sh, -c, 'trap \"sleep 600\" TERM; sleep 600 & wait']}\n")
    async with a_cluster(state, tools, detached=True, rules=[rules]) as cluster:
        patience = '--overrides={"spec": {"terminationGracePeriodSeconds": 20}}'
        await kubectl(cluster, "run", "slow", "--image=slow", patience)
        await eventually(lambda: "sleep" in programs_of(state))
        before = EmbeddedCluster.attach(state)

        os.kill(cluster.pid, signal.SIGTERM)

        await eventually(lambda: EmbeddedCluster.attach(state) is None)
        assert before is not None
        assert not is_gone(cluster.pid)
        assert "etcd" in programs_of(state)


async def test_a_folder_that_somebody_else_has_taken_stays_and_is_told(tmp_path: Path) -> None:
    lock = Layout(tmp_path / "state").supervisor_lock("something else")
    with lock, pytest.raises(ClusterStopError, match=rf"process {os.getpid()} \(something else\) has taken"):
        await EmbeddedCluster.take_down(tmp_path / "state")

    assert (tmp_path / "state").exists()


async def test_nothing_to_take_down_is_no_error(tmp_path: Path) -> None:
    assert not await EmbeddedCluster.take_down(tmp_path / "nowhere")
