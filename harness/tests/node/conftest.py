"""One real cluster for each module of tests, and a namespace for each test.

The node runs in the tests' own event loop, which stands still while tests of other modules run: a node that
lived on meanwhile would miss the renewals of its lease, and be taken for dead.
"""

import os

import pytest
import pytest_asyncio
from node_cluster import node_cluster

from kubeloop.kinds import NAMESPACE, SERVICE_ACCOUNT
from kyma_harness.host.paths import cache_dir
from kyma_harness.observe.claims import exists
from kyma_harness.observe.waits import Target, wait_for
from kyma_harness.toolchain.tools import ensure, explicit_tools


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory):
    tools = await ensure(explicit=explicit_tools(os.environ), cache=cache_dir())
    async with node_cluster(tmp_path_factory.mktemp("cluster"), tools.folder) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
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
