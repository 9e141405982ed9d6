"""Pods find one another, and Services, by the names that Kubernetes gives them."""

import json
import sys

import pytest
from node_cluster import wait_until

from kubeloop.kinds import STATEFUL_SET
from kyma_harness.node.containers.view import probe_mounting

ASK = """\
import json, os, socket, urllib.request
def asked(name):
    with urllib.request.urlopen(f"http://{name}:8080/", timeout=30) as answer:
        return json.load(answer)["environment"]["HOSTNAME"]
print(json.dumps({
    "answers": [asked(name) for name in os.environ["NAMES"].split()],
    "me": socket.gethostbyname(socket.gethostname()) == os.environ["IP"],
}))
"""


@pytest.fixture(autouse=True)
async def names(tmp_path):
    """Names are found where containers have a root of their own."""
    if (await probe_mounting(tmp_path / "probe")).privilege is None:
        pytest.skip("this host allows no mount namespaces")


def a_service(name, namespace, **spec):
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "peer"}, "ports": [{"port": 8080}], **spec},
    }  # fmt: skip


def a_stateful_set(namespace):
    probe = {"httpGet": {"path": "/healthz", "port": 8080}}
    peer = {"name": "main", "image": "test/peer:1", "readinessProbe": probe}
    return {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "peer", "namespace": namespace},
        "spec": {
            "serviceName": "peers", "replicas": 2, "selector": {"matchLabels": {"app": "peer"}},
            "podManagementPolicy": "Parallel",
            "template": {
                "metadata": {"labels": {"app": "peer"}},
                "spec": {"containers": [peer], "terminationGracePeriodSeconds": 1},
            },
        },
    }  # fmt: skip


def has_two_ready(stateful_set):
    return stateful_set.get("status", {}).get("readyReplicas") == 2


async def test_two_pods_listen_at_one_port_and_are_found_by_their_names(cluster, namespace, shell):
    await cluster.client.create(
        a_service("peers", namespace, clusterIP="None", publishNotReadyAddresses=True)
    )
    await cluster.client.create(a_service("web", namespace))
    await cluster.client.create(a_stateful_set(namespace))
    await cluster.until(
        STATEFUL_SET,
        "peer",
        namespace,
        lambda one: one.get("status", {}).get("readyReplicas") == 2,
        what="ready",
    )

    async def has_both():
        services = await cluster.kubectl("get", "endpointslices", "-n", namespace, "-o", "json")
        ready = [len(one.get("endpoints") or ()) for one in json.loads(services.stdout)["items"]]
        return ready == [2, 2]

    await wait_until(has_both, what="have endpoints")
    full = f"peer-1.peers.{namespace}"
    names = f"peer-0.peers {full} {full}.svc.cluster.local web.{namespace}.svc"
    env = [
        {"name": "NAMES", "value": names},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    await cluster.client.create(shell("", command=[sys.executable, "-c", ASK], env=env))
    await cluster.container(
        "job", namespace, lambda one: "terminated" in one.get("state", {}), what="terminated"
    )

    log = (await cluster.kubectl("logs", "job", "-n", namespace)).stdout
    assert log.startswith("{"), log
    said = json.loads(log)
    assert said["answers"][:3] == ["peer-0", "peer-1", "peer-1"]
    assert said["answers"][3] in {"peer-0", "peer-1"}
    assert said["me"]
