import dataclasses

import pytest
from node_cluster import address_of, answers, running_node

from kubeloop.kinds import NODE, POD


def another_node(cluster, name, state):
    """The settings of a node beside the one that the API server knows the way to."""
    return dataclasses.replace(cluster.settings, name=name, state=state, egress_port=None)


@pytest.fixture
async def second_node(cluster):
    """A node of its own to be drained; other tests are not to be scheduled to it."""
    settings = another_node(cluster, "second-node", cluster.state / "second")
    async with running_node(settings, cluster.client) as node:
        yield node
    await cluster.client.delete(NODE, "second-node")


async def test_a_draining_node_ends_its_processes_and_leaves_the_api_alone(
    cluster, namespace, web, second_node
):
    await cluster.client.create(web(spec={"nodeName": "second-node"}))
    ready = await cluster.ready("web", namespace)

    await second_node.drain(5)

    assert await answers(address_of(ready)) is None
    after = await cluster.client.get(POD, "web", namespace)
    assert after["metadata"]["uid"] == ready["metadata"]["uid"]
    assert after["status"]["phase"] == "Running"


async def test_a_node_that_comes_back_takes_its_pods_up_again(cluster, namespace, web):
    settings = another_node(cluster, "third-node", cluster.state / "third")
    async with running_node(settings, cluster.client):
        await cluster.client.create(web(spec={"nodeName": "third-node"}))
        await cluster.ready("web", namespace)

    async with running_node(settings, cluster.client):
        status = await cluster.container(
            "web", namespace, lambda one: one.get("restartCount") == 1 and one["ready"], what="running again"
        )

        assert "running" in status["state"]
        await cluster.client.delete(POD, "web", namespace=namespace)
        await cluster.gone(POD, "web", namespace)
    await cluster.client.delete(NODE, "third-node")


@pytest.mark.parametrize("mount_namespaces", [True, False])
async def test_a_script_finds_its_volume_also_where_the_state_folder_has_spaces(
    cluster, namespace, shell, mount_namespaces
):
    state = cluster.state / f"My 'Job' $HOME {mount_namespaces}"
    state.mkdir()
    settings = dataclasses.replace(
        another_node(cluster, "spaced-node", state), mount_namespaces=mount_namespaces
    )
    spec = {"nodeName": "spaced-node", "volumes": [{"name": "data", "emptyDir": {}}]}
    mounts = [{"name": "data", "mountPath": "/data"}]
    async with running_node(settings, cluster.client):
        await cluster.client.create(
            shell("echo hello > /data/x && cat /data/x", spec=spec, volumeMounts=mounts)
        )
        status = await cluster.container(
            "job", namespace, lambda one: "terminated" in one.get("state", {}), what="over"
        )
        assert status["state"]["terminated"]["exitCode"] == 0

        (written,) = state.glob("pods/*/volumes/data/x")
        assert written.read_text() == "hello\n"
    await cluster.client.delete(NODE, "spaced-node")
    assert not [entry.name for entry in state.parent.iterdir() if entry.name == "My"]
