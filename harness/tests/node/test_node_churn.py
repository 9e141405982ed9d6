"""Many pods come and go at random moments, and nothing of any of them is left."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import pytest
from node_cluster import wait_until
from pod_builders import hooks

from kubeloop.errors import NotFoundError
from kubeloop.kinds import POD
from kyma_harness.node.containers.launch import MARK

AT_ONCE = 50
"""Fewer than the node has room for: what it has none for would wait for the others, and never be started."""
SCRIPTS = (
    "exec sleep 600",
    "trap '' TERM; while true; do sleep 0.1; done",
    "setsid sleep 600 & exec sleep 600",
    "exit 1",
    "mkdir -p deep/er; chmod 0 deep; exec sleep 600",
)


def a_pod(number, namespace, chance):
    container = {"name": "main", "image": "test/shell:1", "command": ["sh", "-c", chance.choice(SCRIPTS)]}
    mounts = [{"name": "data", "mountPath": "/data"}]
    extra = chance.choice(
        ({}, {"volumeMounts": mounts}, hooks(preStop="sleep 0.2"), hooks(postStart="sleep 0.2"))
    )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number}", "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": chance.choice((0, 1, 2)),
            "containers": [container | extra],
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    }


def processes_of(mark):
    """Return the processes whose mark begins like this, of whichever start of a container."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
    return found


@pytest.mark.parametrize("count", [30, pytest.param(500, marks=pytest.mark.long)])
async def test_pods_that_come_and_go_at_any_moment_leave_nothing(cluster, namespace, count):
    chance, room = random.Random(count), asyncio.Semaphore(AT_ONCE)  # noqa: S311 - repeatable, not secret

    async def come_and_go(number):
        pod, pause = a_pod(number, namespace, chance), chance.choice((0.0, 0.05, 0.3, 1.0, 2.0))
        async with room:
            await cluster.client.create(pod)
            await asyncio.sleep(pause)
            await cluster.client.delete(POD, f"pod-{number}", namespace=namespace)
            await wait_until(lambda: is_gone(number), what=f"let pod-{number} go", within=300)

    async def is_gone(number):
        try:
            await cluster.client.get(POD, f"pod-{number}", namespace)
        except NotFoundError:
            return True
        return False

    async def is_nothing_left():
        folders = list((cluster.state / "pods").glob(f"{namespace}_*"))
        return (
            not folders and not of_the_namespace() and not processes_of(f"{cluster.state}/pods/{namespace}_")
        )

    def of_the_namespace():
        return [pod for pod in cluster.node.pods.pods() if pod["metadata"]["namespace"] == namespace]

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(come_and_go(number))

    await wait_until(is_nothing_left, what="have nothing left")
