from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from builders import config_map, rights_are_known, role, role_binding, service_account
from control_plane import ControlPlane
from fake_server import running_fake_server

from kubeloop.client import Client
from kubeloop.client.kubeconfig import as_text, kubeconfig_of
from kyma_harness.host.paths import cache_dir
from kyma_harness.host.ports import PortPool
from kyma_harness.toolchain.tools import ensure, explicit_tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from fake_server import FakeServer

    from kubeloop.resource import Object

    Limited = Callable[[dict[str, list[Object]]], Awaitable[Client]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tool_folder() -> Path:
    """Where etcd and kube-apiserver are."""
    explicit = explicit_tools(os.environ)
    if explicit is not None and all((explicit / name).exists() for name in ("etcd", "kube-apiserver")):
        return explicit  # whether it holds the other tools, too, is not of interest here
    tools = await ensure(explicit=explicit, cache=cache_dir())
    return tools.folder


@pytest_asyncio.fixture(scope="package", loop_scope="session")
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


@pytest.fixture
async def parent(client, namespace) -> Object:
    """The parent of a set: any object can be one."""
    return await client.create(config_map("parent", namespace))


@pytest.fixture
async def elsewhere(client) -> str:
    """A namespace which is not the parent's."""
    created = await client.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "elsewhere-"}}
    )
    name: str = created["metadata"]["name"]
    return name


@pytest.fixture
async def limited(client, namespace, shared_plane, tmp_path) -> AsyncIterator[Limited]:
    """Open a client that has the rights given, and no others."""
    async with AsyncExitStack() as stack:

        async def opened(rights: dict[str, list[Object]]) -> Client:
            """Take rules of RBAC by namespace."""
            await client.create(service_account("limited", namespace))
            for where, rules in rights.items():
                await client.create(role("limited", where, rules))
                await client.create(role_binding("limited", where, namespace))
            request = await client.create_token("limited", namespace, expiration_seconds=3600)
            path = tmp_path / "limited"
            path.write_text(
                as_text(kubeconfig_of(shared_plane.cluster, {"token": request["status"]["token"]}))
            )
            found = await stack.enter_async_context(Client.from_kubeconfig(path, user_agent="tests/1.0"))
            for where, rules in rights.items():
                await rights_are_known(found, where, rules)
            return found

        yield opened


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    """An API server that answers as it is told."""
    async with running_fake_server() as running:
        yield running
