"""Seat the process node in the supervisor."""

from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kubeloop.client import Client
from kyma_harness.node.node import ProcessNode
from kyma_harness.node.settings import NodeSettings

# As long as a pod's own default; what takes longer is killed.
_DRAIN_SECONDS = 30.0


@asynccontextmanager
async def running_node(settings: NodeSettings, kubeconfig: Path) -> AsyncIterator[Client]:
    """Run the node while the block runs, and give its client; at the end its pods are stopped gracefully.

    Raises an ExceptionGroup with the node's failure if it fails meanwhile.
    """
    async with Client.from_kubeconfig(kubeconfig, user_agent="process-node") as client, TaskGroup() as tasks:
        node = ProcessNode(settings, client)
        life = tasks.create_task(node.run(), name=settings.name)
        try:
            yield client
        finally:
            await node.drain(_DRAIN_SECONDS)
            life.cancel()
