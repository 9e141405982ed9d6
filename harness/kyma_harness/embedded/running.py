"""One cluster from its certificates to its end, in the supervisor's event loop."""

import asyncio
import os
import time
from asyncio import TaskGroup
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kubeloop.client import Client
from kubeloop.kinds import NODE, SERVICE_ACCOUNT, STORAGE_CLASS
from kyma_harness.embedded.components import Components, Ports
from kyma_harness.embedded.control_plane import Announce, ControlPlane, timed
from kyma_harness.embedded.errors import EmbeddedError
from kyma_harness.embedded.layout import ClusterRecord, Layout
from kyma_harness.embedded.pki import make_pki
from kyma_harness.embedded.repairs import Repairs
from kyma_harness.embedded.settings import SupervisorSettings
from kyma_harness.host.loopback import LoopbackNetworks
from kyma_harness.host.ports import PortPool
from kyma_harness.node.node import ProcessNode
from kyma_harness.node.rules.rules import Rules
from kyma_harness.node.settings import NodeSettings
from kyma_harness.wait import claims
from kyma_harness.wait.steps import Step
from kyma_harness.wait.waits import Claim, Target, WaitError, wait_for

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


_LIMIT_SECONDS = 120.0


async def until_pods_can_be_made(client: Client) -> None:
    """Wait for the default ServiceAccount, without which the API server refuses every pod."""
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace="default")
    await _wait(client, account, claims.exists(), "exist")


async def until_pods_can_run(client: Client, node: str) -> None:
    """Wait until the node is ready and volumes can be provisioned."""
    await _wait(client, Target(kind=NODE, name=node), claims.has_condition("Ready"), "be Ready")
    found = await client.list(STORAGE_CLASS)
    if not found.items:
        raise EmbeddedError(f"node {node} is Ready, but it made no StorageClass: PVCs would stay Pending")


async def _wait(client: Client, target: Target, claim: Claim, what: str) -> None:
    try:
        await wait_for(client, target, claim, what=what, within=_LIMIT_SECONDS)
    except WaitError as error:
        raise EmbeddedError(f"the cluster is not usable: {error}") from None


NODE_NAME = "process-node"


class RunningCluster:
    """Bring a cluster up, hold it until it is told to stop or a part of it ends, and take it down."""

    def __init__(self, settings: SupervisorSettings, layout: Layout, announce: Announce) -> None:
        self.was_ready = False
        self._settings = settings
        self._layout = layout
        self._announce = announce
        self._started = time.time()

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Live until `stop` is set.

        Raises an ExceptionGroup with a ComponentFailedError when a component fails, at the start or later.
        """
        rules = Rules.load(self._settings.rules)
        with PortPool() as ports, LoopbackNetworks() as networks:
            pki = make_pki(self._layout.pki, node_name=NODE_NAME, services=networks.services)
            components = Components(
                tools=self._settings.tools, layout=self._layout, pki=pki, ports=self._reserve(ports),
                services=networks.services,
            )  # fmt: skip
            components.write_kubeconfigs(f"kyma-harness-{self._settings.name}")
            node = replace(self._node_settings(rules, ports, components), pod_network=networks.pods)
            control_plane = ControlPlane(components=components, layout=self._layout, announce=self._announce)
            try:
                async with asyncio.TaskGroup() as tasks:
                    life = tasks.create_task(self._live(control_plane, node, on_ready))
                    await stop.wait()
                    life.cancel()
            finally:
                await control_plane.stop()

    async def _live(
        self, control_plane: ControlPlane, node: NodeSettings, on_ready: Callable[[], None]
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            registry = tasks.create_task(control_plane.start_registry())
            await control_plane.start_api()
            async with running_node(node, self._layout.pki / "node.kubeconfig") as client:
                await self._until_usable(control_plane, client)
                await registry
                self._publish(control_plane.components)
                try:
                    on_ready()
                    tasks.create_task(Repairs(self._layout).keep())
                    await control_plane.until_one_ends()
                finally:
                    # Before the pods are given their time to end: nobody is to take up a cluster that goes.
                    self._layout.record.unlink(missing_ok=True)

    async def _until_usable(self, control_plane: ControlPlane, client: Client) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(control_plane.start_controllers())
            tasks.create_task(timed("node", self._announce, until_pods_can_run(client, NODE_NAME)))
            tasks.create_task(timed("service accounts", self._announce, until_pods_can_be_made(client)))

    def _publish(self, components: Components) -> None:
        self._layout.write_record(
            ClusterRecord(
                name=self._settings.name,
                pid=os.getpid(),
                started=self._started,
                kubeconfig=str(self._layout.kubeconfig),
                api=components.api_url,
                registry=components.registry_address,
                tools=str(self._settings.tools),
                logs=str(self._layout.logs),
                node=NODE_NAME,
            )
        )
        self.was_ready = True
        self._announce(Step(name="cluster", started=self._started).over())

    def _node_settings(self, rules: Rules, ports: PortPool, components: Components) -> NodeSettings:
        pki = components.pki
        return NodeSettings(
            name=NODE_NAME,
            state=self._layout.root,
            tools=self._settings.tools,
            rules=rules,
            ports=ports,
            tls_cert=pki.kubelet.certificate,
            tls_key=pki.kubelet.key,
            client_ca=pki.authority,
            egress_port=components.ports.egress,
            placeholders=self._settings.placeholders,
        )

    def _reserve(self, ports: PortPool) -> Ports:
        return Ports(
            api_server=ports.reserve(self._settings.api_port),
            registry=ports.reserve(self._settings.registry_port),
            etcd=ports.reserve(),
            etcd_peer=ports.reserve(),
            controller_manager=ports.reserve(),
            scheduler=ports.reserve(),
            egress=ports.reserve(),
        )
