from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from control_plane import ControlPlane

from kubeloop.client import Client
from kyma_harness.host.paths import cache_dir
from kyma_harness.host.ports import PortPool
from kyma_harness.toolchain.tools import ensure, explicit_tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tool_folder() -> Path:
    """Where etcd and kube-apiserver are."""
    explicit = explicit_tools(os.environ)
    if explicit is not None and all((explicit / name).exists() for name in ("etcd", "kube-apiserver")):
        return explicit  # whether it holds the other tools, too, is not of interest here
    tools = await ensure(explicit=explicit, cache=cache_dir())
    return tools.folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_plane(tool_folder, tmp_path_factory) -> AsyncIterator[ControlPlane]:
    """An API server for all tests that leave it as it is."""
    async with a_plane(tmp_path_factory.mktemp("control-plane"), tool_folder) as plane:
        yield plane


@pytest.fixture
async def own_plane(tool_folder, tmp_path) -> AsyncIterator[ControlPlane]:
    """An API server to do anything with."""
    async with a_plane(tmp_path, tool_folder) as plane:
        yield plane


@asynccontextmanager
async def a_plane(folder: Path, tools: Path) -> AsyncIterator[ControlPlane]:
    with PortPool() as ports:
        plane = ControlPlane.prepare(folder, tools, ports)
        try:
            await plane.start()
            yield plane
        finally:
            await plane.kill()


@pytest.fixture
async def client(shared_plane) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(shared_plane.kubeconfig, user_agent="tests/1.0") as opened:
        yield opened


@pytest.fixture
async def namespace(client) -> str:
    """A namespace of this test alone."""
    created = await client.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "test-"}}
    )
    name: str = created["metadata"]["name"]
    return name
