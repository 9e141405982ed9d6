"""One cluster from its certificates to its end, in the supervisor's event loop."""

import asyncio
import os
import time
from collections.abc import Callable

from kubeloop.client import Client
from kyma_harness.embedded.components import Components, Ports
from kyma_harness.embedded.control_plane import Announce, ControlPlane, timed
from kyma_harness.embedded.layout import ClusterRecord, Layout
from kyma_harness.embedded.node import running_node
from kyma_harness.embedded.pki import ClusterPki, make_pki
from kyma_harness.embedded.readiness import until_pods_can_be_made, until_pods_can_run
from kyma_harness.embedded.repairs import Repairs
from kyma_harness.embedded.settings import SupervisorSettings
from kyma_harness.embedded.step import Step
from kyma_harness.host.ports import PortPool
from kyma_harness.node.rules.rules import Rules
from kyma_harness.node.settings import NodeSettings

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
        with PortPool() as ports:
            pki = make_pki(self._layout.pki, node_name=NODE_NAME)
            components = Components(
                tools=self._settings.tools, layout=self._layout, pki=pki, ports=self._reserve(ports)
            )
            components.write_kubeconfigs(f"kyma-harness-{self._settings.name}")
            node = self._node_settings(rules, ports, pki)
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
        self._announce(Step(step="cluster", state="ready", seconds=time.time() - self._started))

    def _node_settings(self, rules: Rules, ports: PortPool, pki: ClusterPki) -> NodeSettings:
        return NodeSettings(
            name=NODE_NAME,
            state=self._layout.root,
            tools=self._settings.tools,
            rules=rules,
            ports=ports,
            tls_cert=pki.kubelet.certificate,
            tls_key=pki.kubelet.key,
            client_ca=pki.authority,
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
        )
