"""The process node: a node whose pods are processes of this host."""

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from kubeloop.client import Client
from kubeloop.events import EventRecorder
from kubeloop.kinds import CONFIG_MAP, POD, SECRET
from kubeloop.logs import get_logger
from kubeloop.reflector import Reflector
from kyma_harness.node.addresses import Address
from kyma_harness.node.containers.view import Mounting, probe_mounting
from kyma_harness.node.errors import AddressError
from kyma_harness.node.folders import linked, open_up, plain_path
from kyma_harness.node.network.egress import egress_proxy
from kyma_harness.node.network.hosts import HostsFiles
from kyma_harness.node.network.relay import Streams
from kyma_harness.node.network.services import ServiceProxy
from kyma_harness.node.pods.bound import BoundPods
from kyma_harness.node.registration import NODE_IP, Registration
from kyma_harness.node.server import kubelet_server
from kyma_harness.node.settings import NodeSettings
from kyma_harness.node.volumes.provisioner import Provisioner

log = get_logger(__name__)


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
        hosts = HostsFiles()
        self._services = ServiceProxy(
            client, settings.ports, self._address, hosts=hosts, loopback=settings.loopback,
            kept_free=settings.rules.bound_everywhere,
        )  # fmt: skip
        self.pods = BoundPods(
            settings, client, events=self._events, claims=self._provisioner,
            service_port=self._services.port_of, hosts=hosts, node_ip=NODE_IP,
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

    async def _mounting(self) -> Mounting:
        if not self._settings.mount_namespaces:
            return Mounting(privilege=None, reason="the node's settings say so")
        with TemporaryDirectory(dir=self._folder / "pods", prefix=".probe") as scratch:
            found = await probe_mounting(Path(scratch))
        if found.privilege is None:
            log.warning("containers see the host's files, and mount paths are rewritten", reason=found.reason)
        return found

    def _address(self, uid: str, container_port: int) -> Address | None:
        return self.pods.address(uid, container_port)

    async def _dial(self, host: str, port: int) -> Streams:
        """Connect the API server to what it knows by this address."""
        if (host, port) == (NODE_IP, self.kubelet_port):
            return await asyncio.open_connection(host, port)
        found = await self._services.connect(host, port) or await self.pods.connect(host, port)
        if found is None:
            raise AddressError(
                f"{host}:{port} is no Service, pod or node of this cluster, and the API server may connect to"
                " nothing else"
            )
        return found

    async def _run(self) -> None:
        settings, pods, tls = self._settings, self.pods, self._settings.tls()
        mounting = await self._mounting()
        egress = Address(NODE_IP, settings.egress_port) if settings.egress_port else None
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            kubelet_server(pods, port=self.kubelet_port, tls=tls),
            egress_proxy(self._dial, address=egress, tls=tls),
            asyncio.TaskGroup() as group,
        ):
            pods.begin(session, group, mounting)
            for job in (self._events, self._services, self._provisioner, self._registration):
                group.create_task(job.run())
            for kind in (CONFIG_MAP, SECRET):
                group.create_task(Reflector(self._client, kind, on_change=pods.on_config).run())
            mine = f"spec.nodeName={settings.name}"
            group.create_task(Reflector(self._client, POD, field_selector=mine, on_change=pods.on_pod).run())
