"""The process node: a node whose pods are processes of this host."""

import asyncio
from dataclasses import replace

import aiohttp

from kubeloop.client import Client
from kubeloop.events import EventRecorder
from kubeloop.kinds import CONFIG_MAP, POD, SECRET
from kubeloop.reflector import Reflector
from kyma_harness.node.folders import linked, open_up, plain_path
from kyma_harness.node.network.services import ServiceProxy
from kyma_harness.node.pods.bound import BoundPods
from kyma_harness.node.registration import NODE_IP, Registration
from kyma_harness.node.server import kubelet_server
from kyma_harness.node.settings import NodeSettings
from kyma_harness.node.volumes.provisioner import Provisioner


class ProcessNode:
    """Run the pods bound to one Node; `client` must be allowed everything a kubelet and a provisioner are.

    Raises RuleError when a rule uses a placeholder that nobody fills in, and NodeError when the state folder
    cannot stand in a script.
    """

    def __init__(self, settings: NodeSettings, client: Client) -> None:
        settings.rules.check(settings.all_placeholders)
        self._folder = settings.state
        settings = self._settings = replace(settings, state=plain_path(settings.state))
        self.kubelet_port = settings.ports.reserve()
        self._client = client
        self._events = EventRecorder(client, "process-node", host=settings.name)
        self._provisioner = Provisioner(
            client, settings.state / "volumes", node=settings.name, events=self._events
        )
        self._services = ServiceProxy(client, settings.ports, self._host_port)
        self.pods = BoundPods(
            settings, client, events=self._events, claims=self._provisioner,
            service_port=self._services.port_of, node_ip=NODE_IP,
        )  # fmt: skip
        self._registration = Registration(
            settings,
            client,
            kubelet_port=self.kubelet_port,
            prepare=self._provisioner.create_default_class,
        )

    async def run(self) -> None:
        """Be the node until cancelled; whatever way this ends, no process is left."""
        folder = self._folder
        (folder / "pods").mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with linked(self._settings.state, folder):
                await self._run()
        finally:
            # What pods have left read-only must not keep anybody from removing the cluster's folder.
            for name in ("pods", "volumes"):
                open_up(folder / name)

    async def drain(self, grace: float) -> None:
        """End every pod's processes, all at once and within the grace; start none any more."""
        await self.pods.drain(grace)

    def _host_port(self, uid: str, container_port: int) -> int | None:
        return self.pods.host_port(uid, container_port)

    async def _run(self) -> None:
        settings, pods = self._settings, self.pods
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            kubelet_server(
                pods, port=self.kubelet_port, cert=settings.tls_cert, key=settings.tls_key,
                client_ca=settings.client_ca,
            ),
            asyncio.TaskGroup() as group,
        ):  # fmt: skip
            pods.begin(session, group)
            for job in (self._events, self._services, self._provisioner, self._registration):
                group.create_task(job.run())
            for kind in (CONFIG_MAP, SECRET):
                group.create_task(Reflector(self._client, kind, on_change=pods.on_config).run())
            mine = f"spec.nodeName={settings.name}"
            group.create_task(Reflector(self._client, POD, field_selector=mine, on_change=pods.on_pod).run())
