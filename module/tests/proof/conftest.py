"""One cluster and one proxy for all proofs; each test has its own manager and leaves nothing behind."""

import os
import secrets

import pytest
import pytest_asyncio
from proof_cluster import proof_cluster
from proof_manager import Manager
from proof_objects import ACCOUNT, NAMESPACE
from proof_reference import undisturbed
from proof_rig import Rig

from harness.embedded.tools import ensure, explicit_tools
from harness.faults.proxy import ApiProxy
from harness.host.paths import cache_dir


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(tmp_path_factory):
    tools = await ensure(explicit=explicit_tools(os.environ), cache=cache_dir())
    async with proof_cluster(tmp_path_factory.mktemp("proof"), tools) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def proxy(cluster):
    async with await ApiProxy.before(cluster.kubeconfig) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kubeconfig(cluster, proxy, tmp_path_factory):
    """What the managers connect with: their own ServiceAccount, through the proxy."""
    path = tmp_path_factory.mktemp("faulty") / "kubeconfig"
    return await proxy.kubeconfig_for(cluster.client, ACCOUNT, NAMESPACE, path)


@pytest_asyncio.fixture(loop_scope="session")
async def rig(cluster, proxy, kubeconfig, tmp_path):
    """A manager that runs and restarts, with nothing to do yet."""
    manager = Manager(cluster, kubeconfig, log=tmp_path / "manager.log")
    rig = Rig(cluster.client, proxy, manager)
    proxy.aim(manager.kill)
    async with manager.kept_alive():
        await rig.until_idle()
        yield rig
        await rig.clear()


@pytest.fixture(scope="session")
def references():
    """Keep what was found out once."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def reference(rig, references):
    """The undisturbed run, once a session: it is the same manager and the same cluster."""
    if not references:
        references.append(await undisturbed(rig))
    return references[0]


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
