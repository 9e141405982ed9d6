"""Builders for the tests that run a control plane."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from eventually import PATIENCE

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.host.descendants import marked
from kyma_harness.host.ports import is_bindable
from kyma_harness.host.process import run
from kyma_harness.toolchain.toolchain import ToolPaths


@asynccontextmanager
async def a_cluster(state: Path, tools: ToolPaths, **options: Any) -> AsyncIterator[EmbeddedCluster]:
    """Run a cluster, and take it down whatever the block did to it."""
    settings = {"name": "test", "detached": False, **options}
    try:
        yield await EmbeddedCluster.start(state=state, tools=tools, **settings)
    finally:
        await EmbeddedCluster.take_down(state)


async def kubectl(cluster: EmbeddedCluster, *arguments: str) -> Any:
    """Run kubectl and return the JSON it writes."""
    command = [cluster.tools.folder / "kubectl", "--kubeconfig", cluster.kubeconfig, *arguments, "-o", "json"]
    return json.loads((await run(command, timeout=PATIENCE)).stdout)


def processes_of(state: Path) -> list[int]:
    """Return the processes of a cluster, its supervisor and guard excepted."""
    return marked(str(state))


def process_of(state: Path, component: str) -> int:
    """Return the process of a component."""
    (pid,) = [pid for pid in processes_of(state) if _program(pid) == component]
    return pid


def programs_of(state: Path) -> list[str]:
    """Return the names of the programs that a cluster's processes run."""
    return [_program(pid) for pid in processes_of(state)]


def listeners_of(cluster: EmbeddedCluster) -> list[tuple[str, int]]:
    """Return the addresses and ports on which a cluster's processes listen."""
    found = []
    for pid in (cluster.pid, *processes_of(cluster.state)):
        with contextlib.suppress(psutil.Error):
            held = psutil.Process(pid).net_connections("tcp")
            found += [tuple(one.laddr) for one in held if one.status == psutil.CONN_LISTEN]
    return found


def all_free(ports: list[int]) -> bool:
    return all(is_bindable(port) for port in ports)


def entries(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def _program(pid: int) -> str:
    with contextlib.suppress(psutil.Error):  # it may end while we look
        return Path(next(iter(psutil.Process(pid).cmdline()), "")).name
    return ""
