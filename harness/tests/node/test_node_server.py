import ssl

import aiohttp
import pytest

from kubeloop.kinds import LEASE, NODE


async def test_nobody_but_the_api_server_is_let_in(cluster):
    url = f"https://127.0.0.1:{cluster.node.kubelet_port}/pods"

    async with aiohttp.ClientSession() as session:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
            await session.get(url, ssl=False)


async def test_the_api_servers_certificate_opens_it(cluster):
    pair = cluster.pki.api_server_to_kubelet
    context = ssl.create_default_context(cafile=cluster.pki.authority)
    context.load_cert_chain(pair.certificate, pair.key)
    url = f"https://127.0.0.1:{cluster.node.kubelet_port}"

    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/healthz", ssl=context) as response:
            health = await response.text()
        async with session.get(f"{url}/pods", ssl=context) as response:
            pods = await response.json()

    assert health == "ok"
    assert pods["kind"] == "PodList"


async def test_the_node_says_what_it_is(cluster):
    node = await cluster.until(
        NODE, "process-node", None, lambda one: "taints" not in one["spec"], what="open to every pod"
    )

    assert node["metadata"]["labels"]["node.kyma-harness.io/kind"] == "process"
    assert node["metadata"]["labels"]["kubernetes.io/os"] == "linux"
    assert node["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.")


async def test_a_node_that_was_taken_for_dead_says_that_it_is_ready_again(cluster):
    await cluster.until(NODE, "process-node", None, is_ready, what="ready")
    node = await cluster.client.get(NODE, "process-node")
    for condition in node["status"]["conditions"]:
        condition["status"] = "Unknown"
    patch = {"status": {"conditions": node["status"]["conditions"]}}

    await cluster.client.merge_patch(NODE, "process-node", patch, subresource="status")

    await cluster.until(NODE, "process-node", None, is_ready, what="ready")
    await cluster.until(
        NODE, "process-node", None, lambda one: "taints" not in one["spec"], what="open to every pod"
    )


def is_ready(node):
    conditions = {one["type"]: one["status"] for one in node["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"


async def test_the_lease_names_its_holder(cluster):
    # It is made a moment after the node.
    found = await cluster.until(LEASE, "process-node", "kube-node-lease", bool, what="there")

    assert found["spec"]["holderIdentity"] == "process-node"
