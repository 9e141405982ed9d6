"""The process node: a node whose pods are processes of this host."""

import asyncio
import time

import aiohttp

from kubeloop.client import Client
from kubeloop.kinds import CONFIG_MAP, POD, SECRET
from kubeloop.logs import get_logger
from kubeloop.reflector import Reflector
from kubeloop.resource import Object, ObjectKey, uid_of
from kyma_harness.node.containers.backoff import RestartBackoff
from kyma_harness.node.containers.container import ContainerTools
from kyma_harness.node.containers.handlers import Handlers
from kyma_harness.node.containers.launch import Launcher
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.events import EventRecorder
from kyma_harness.node.folders import open_up
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.network.addresses import PodAddresses
from kyma_harness.node.network.services import ServiceProxy
from kyma_harness.node.pods.pod import PodTools, PodWorker
from kyma_harness.node.registration import NODE_IP, Registration
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.server import kubelet_server
from kyma_harness.node.settings import NodeSettings
from kyma_harness.node.volumes.payload import Payload
from kyma_harness.node.volumes.provisioner import Provisioner
from kyma_harness.node.volumes.volumes import Volumes

log = get_logger(__name__)
_AFTER_GRACE = 2.0
_NAME_LENGTH = 200  # of a folder's name, which must not be longer than 255 bytes with the uid


class ProcessNode:
    """Run the pods bound to one Node; `client` must be allowed everything a kubelet and a provisioner are.

    Raises RuleError when a rule uses a placeholder that nobody fills in.
    """

    def __init__(self, settings: NodeSettings, client: Client) -> None:
        settings.rules.check(settings.all_placeholders)
        self.kubelet_port = settings.ports.reserve()
        self._settings = settings
        self._client = client
        self._events = EventRecorder(client, host=settings.name)
        self._addresses = PodAddresses(settings.pod_cidr)
        self._services = ServiceProxy(client, settings.ports, self._host_port)
        self._provisioner = Provisioner(
            client, settings.state / "volumes", node=settings.name, events=self._events
        )
        self._registration = Registration(
            settings,
            client,
            kubelet_port=self.kubelet_port,
            prepare=self._provisioner.create_default_class,
        )
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._draining = False

    async def run(self) -> None:
        """Be the node until cancelled; whatever way this ends, no process is left."""
        settings = self._settings
        (settings.state / "pods").mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            await self._run()
        finally:
            # What pods have left read-only must not keep anybody from removing the cluster's folder.
            for name in ("pods", "volumes"):
                open_up(settings.state / name)

    async def _run(self) -> None:
        settings = self._settings
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            kubelet_server(
                self, port=self.kubelet_port, cert=settings.tls_cert, key=settings.tls_key,
                client_ca=settings.client_ca,
            ),
            asyncio.TaskGroup() as group,
        ):  # fmt: skip
            tools = self._pod_tools(session)
            for job in (self._events, self._services, self._provisioner, self._registration):
                group.create_task(job.run())
            for kind in (CONFIG_MAP, SECRET):
                group.create_task(Reflector(self._client, kind, on_change=self._on_config).run())
            pods = Reflector(
                self._client, POD, field_selector=f"spec.nodeName={settings.name}",
                on_change=lambda old, new: self._on_pod(old, new, tools, group),
            )  # fmt: skip
            group.create_task(pods.run())

    async def drain(self, grace: float) -> None:
        """End every pod's processes, all at once and within the grace; start none any more."""
        self._draining = True
        for worker in self._workers.values():
            worker.drain(grace)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace + _AFTER_GRACE)

    def find_log(self, namespace: str, pod: str, container: str, *, previous: bool) -> ContainerLog:
        """Return a container's log; raises LookupError with a sentence for the user."""
        for worker in self._workers.values():
            facts = worker.sandbox.facts
            if (facts.namespace, facts.name) == (namespace, pod):
                return worker.find_log(container, previous=previous)
        raise LookupError(f"pod {namespace}/{pod} is not on node {self._settings.name}")

    def pods(self) -> list[Object]:
        """Return the pods bound to the node."""
        return [dict(worker.pod) for worker in self._workers.values()]

    def _pod_tools(self, session: aiohttp.ClientSession) -> PodTools:
        settings = self._settings
        launcher = Launcher(
            api=self._client, server=self._client.server, tools=settings.tools,
            placeholders=settings.all_placeholders, service_port=self._services.port_of,
        )  # fmt: skip
        containers = ContainerTools(
            rules=settings.rules, launcher=launcher, handlers=Handlers(session), new_backoff=self._backoff
        )
        return PodTools(client=self._client, events=self._events, containers=containers, node_ip=NODE_IP)

    def _backoff(self) -> RestartBackoff:
        settings = self._settings
        return RestartBackoff(
            first=settings.first_backoff,
            longest=settings.longest_backoff,
            forgiven_after=settings.forgiven_after,
        )

    def _on_pod(
        self, old: Object | None, new: Object | None, tools: PodTools, group: asyncio.TaskGroup
    ) -> None:
        if old is not None and (new is None or uid_of(new) != uid_of(old)):
            self._forget(uid_of(old))
        if new is None:
            return
        uid = uid_of(new)
        if uid in self._workers:
            self._workers[uid].update(new)
        elif not self._draining:
            worker = self._workers[uid] = self._worker(new, tools)
            self._tasks[uid] = group.create_task(self._run_pod(worker), name=f"pod {ObjectKey.of(new)}")

    def _forget(self, uid: str) -> None:
        if worker := self._workers.pop(uid, None):
            worker.update(None)

    def _worker(self, pod: Object, tools: PodTools) -> PodWorker:
        folder = self._settings.state / "pods" / _folder_name(pod)
        facts = PodFacts(
            pod=pod, pod_ip=self._addresses.take(), host_ip=NODE_IP, allocatable=self._settings.capacity
        )
        tokens = PodTokens(self._client, facts, clock=time.time)
        payload = Payload(facts, self._client, tokens)
        volumes = Volumes(facts, folder / "volumes", payload=payload, claims=self._provisioner)
        sandbox = Sandbox(facts=facts, folder=folder, volumes=volumes, pool=self._settings.ports)
        return PodWorker(pod, sandbox=sandbox, tokens=tokens, tools=tools)

    async def _run_pod(self, worker: PodWorker) -> None:
        facts = worker.sandbox.facts
        try:
            await worker.run()
        except Exception:
            # One pod must not take the node with it.
            log.exception("pod failed", pod=f"{facts.namespace}/{facts.name}")
        finally:
            self._addresses.give_back(facts.pod_ip)
            self._tasks.pop(facts.uid, None)

    def _on_config(self, old: Object | None, new: Object | None) -> None:
        if (changed := new or old) is None:
            return
        key = ObjectKey.of(changed)
        for worker in self._workers.values():
            if worker.sandbox.facts.namespace == key.namespace:
                worker.config_changed(changed["kind"], key.name)

    def _host_port(self, uid: str, container_port: int) -> int | None:
        worker = self._workers.get(uid)
        return worker.sandbox.ports.get(container_port) if worker else None


def _folder_name(pod: Object) -> str:
    """Name a pod's folder for people; the uid is what tells it apart."""
    metadata = pod["metadata"]
    return f"{metadata['namespace']}_{metadata['name']}"[:_NAME_LENGTH] + f"_{metadata['uid']}"
