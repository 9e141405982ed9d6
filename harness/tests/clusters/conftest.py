"""What the tests of providers share: the real k3d where it is at hand, and clusters to settle in."""

import lzma
import os
import shutil
from pathlib import Path

import pytest
import pytest_asyncio
from docker_daemon import RecordedDaemon
from k3d_recorder import RecordedK3d

from kubeloop.client import Client
from kyma_harness.embedded.cluster import EmbeddedCluster

COREFILE = """\
.:53 {
    errors
    import /etc/coredns/custom/*.override
}
import /etc/coredns/custom/*.server
"""
"""The lines of k3s' Corefile that matter here."""
DNS_RULES = """\
rules:
- image: "*coredns:*"
  command: ["{python}", "-c", "import signal; signal.pause()"]
"""


@pytest.fixture(scope="session")
def real_k3d(tmp_path_factory):
    """The real k3d 5 of $KYMA_DIST, unpacked; it needs no Docker to say whether it understands us."""
    dist = os.environ.get("KYMA_DIST")
    packed = Path(dist) / "k3d.xz" if dist else None
    if packed is None or not packed.is_file():
        pytest.skip("$KYMA_DIST has no k3d.xz: the real k3d is not at hand")
    program = tmp_path_factory.mktemp("k3d") / "k3d"
    with lzma.open(packed) as source, program.open("wb") as target:
        shutil.copyfileobj(source, target)
    program.chmod(0o755)
    return program


@pytest.fixture
def no_docker(monkeypatch):
    """Nobody listens where the Docker daemon is looked for."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


@pytest.fixture
def k3d(tmp_path):
    """A k3d that answers as recorded."""
    return RecordedK3d(tmp_path)


@pytest_asyncio.fixture
async def daemon(tmp_path, monkeypatch):
    """A Docker daemon with the containers that the recorded k3d makes."""
    recorded = RecordedDaemon(tmp_path / "containers.json")
    async with recorded.running() as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        yield recorded


@pytest.fixture(scope="package")
def cluster_with_dns(portal, tools, tmp_path_factory):
    """A cluster with a Deployment of CoreDNS whose pods count as running."""
    folder = tmp_path_factory.mktemp("dns")
    (folder / "rules.yaml").write_text(DNS_RULES)
    cluster = portal.call(
        EmbeddedCluster.start(
            name="clusters-tests",
            state=folder / "state",
            tools=tools,
            rules=[folder / "rules.yaml"],
            detached=False,
        )
    )
    portal.call(_add_dns(cluster.kubeconfig))
    yield cluster
    portal.call(cluster.stop())


async def _add_dns(kubeconfig):
    labels = {"k8s-app": "kube-dns"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "coredns", "image": "rancher/coredns:1.12"}]},
            },
        },
    }
    corefile = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": COREFILE},
    }
    async with Client.from_kubeconfig(kubeconfig) as client:
        await client.create(corefile)
        await client.create(deployment)
