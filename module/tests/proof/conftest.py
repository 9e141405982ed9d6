"""One cluster and one proxy for all proofs; each test has its own manager and leaves nothing behind."""

import os
import secrets
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from proof_cluster import proof_cluster
from proof_manager import Manager
from proof_objects import ACCOUNT, NAMESPACE
from proof_reference import undisturbed
from proof_rig import Rig

from kyma_harness.faults.proxy import ApiProxy
from kyma_harness.host.paths import cache_dir
from kyma_harness.toolchain.tools import ensure, explicit_tools


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tools():
    return await ensure(explicit=explicit_tools(os.environ), cache=cache_dir())


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def cluster(tools, tmp_path_factory):
    async with proof_cluster(tmp_path_factory.mktemp("proof"), tools) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def proxy(cluster):
    async with await ApiProxy.before(cluster.kubeconfig) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def kubeconfig(cluster, proxy, tmp_path_factory):
    """What the managers connect with: their own ServiceAccount, through the proxy."""
    path = tmp_path_factory.mktemp("faulty") / "kubeconfig"
    return await proxy.kubeconfig_for(cluster.client, ACCOUNT, NAMESPACE, path)


@asynccontextmanager
async def a_rig(cluster, proxy, kubeconfig, folder):
    manager = Manager(cluster, kubeconfig, log=folder / "manager.log")
    proxy.aim(manager.kill)
    rig = Rig(cluster.client, proxy, manager)
    async with manager.kept_alive():
        await rig.until_idle()
        await rig.clear()  # a test that failed may have left something
        yield rig
        await rig.clear()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def reference(cluster, proxy, kubeconfig, tmp_path_factory):
    """What an undisturbed manager does, found out once."""
    async with a_rig(cluster, proxy, kubeconfig, tmp_path_factory.mktemp("reference")) as rig:
        return await undisturbed(rig)


@pytest_asyncio.fixture(loop_scope="session")
async def rig(cluster, proxy, kubeconfig, tmp_path):
    """A manager that runs and restarts, with nothing to do yet."""
    async with a_rig(cluster, proxy, kubeconfig, tmp_path) as running:
        yield running


@pytest.fixture
def say(capsys, record_property):
    """Show a figure in the test's output, whether it passes or not, and in the report."""

    def show(name, value):
        record_property(name, value)
        with capsys.disabled():
            print(f"\n  {name}: {value}", end="")  # noqa: T201 - shown whatever is captured

    return show


@pytest.fixture
def seed(say):
    """What decides all chance of a test; $PROOF_SEED repeats one."""
    chosen = int(os.environ.get("PROOF_SEED") or secrets.randbelow(10**6))
    say("PROOF_SEED", chosen)
    return chosen
