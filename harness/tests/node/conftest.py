"""One real cluster for all tests of the node, and a namespace for each of those that need one.

The node lives on a loop of its own, in a thread: it must renew its lease, too, while tests are run that have
nothing to do with it, or it would be taken for dead.
"""

import dataclasses
import os
from contextlib import AsyncExitStack

import pytest
from node_cluster import node_cluster

from kubeloop.client import Client
from kubeloop.kinds import NAMESPACE, SERVICE_ACCOUNT
from kyma_harness.host.blocking import Portal
from kyma_harness.host.paths import cache_dir
from kyma_harness.toolchain.tools import ensure, explicit_tools
from kyma_harness.wait.claims import exists
from kyma_harness.wait.waits import Target, wait_for


@pytest.fixture(scope="package")
def shared_cluster(tmp_path_factory):
    with Portal() as portal:
        tools = portal.call(ensure(explicit=explicit_tools(os.environ), cache=cache_dir()))
        stack = AsyncExitStack()
        running = node_cluster(tmp_path_factory.mktemp("cluster"), tools.folder)
        yield portal.call(stack.enter_async_context(running))
        portal.call(stack.aclose())


@pytest.fixture
async def cluster(shared_cluster):
    """The cluster, with a client of the test's own loop."""
    async with Client.from_kubeconfig(shared_cluster.kubeconfig) as client:
        yield dataclasses.replace(shared_cluster, client=client)


@pytest.fixture
async def namespace(cluster):
    created = await cluster.client.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "test-"}}
    )
    name = created["metadata"]["name"]
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace=name)
    await wait_for(cluster.client, account, exists(), what="exist")
    yield name
    await cluster.client.delete(NAMESPACE, name)


@pytest.fixture
def shell(namespace):
    """Build a pod that runs a script with the host's shell."""

    def build(script, *, name="job", restart="Never", spec=None, **container):
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "restartPolicy": restart,
                "terminationGracePeriodSeconds": 5,
                "containers": [
                    {"name": "main", "image": "test/shell:1", "command": ["sh", "-c", script], **container}
                ],
                **(spec or {}),
            },
        }

    return build


@pytest.fixture
def web(namespace):
    """Build a pod that serves HTTP."""

    def build(*args, name="web", spec=None, metadata=None, **container):
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": "web"}, **(metadata or {})},
            "spec": {
                "terminationGracePeriodSeconds": 5,
                "containers": [
                    {
                        "name": "main",
                        "image": "test/web:1",
                        "args": list(args),
                        "ports": [{"containerPort": 8080, "name": "http"}],
                        "readinessProbe": {
                            "httpGet": {"path": "/healthz", "port": "http"},
                            "initialDelaySeconds": 5,
                        },
                        **container,
                    }
                ],
                **(spec or {}),
            },
        }

    return build
