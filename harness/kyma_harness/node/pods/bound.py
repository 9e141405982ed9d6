"""The pods bound to the node: one task each, from a pod's arrival to its removal."""

import asyncio
import time
from typing import Any

import aiohttp

from kubeloop.client import Client
from kubeloop.events import EventRecorder
from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey, uid_of
from kyma_harness.node.addresses import Address, PodAddresses
from kyma_harness.node.containers.container import ContainerTools
from kyma_harness.node.containers.handlers import Handlers
from kyma_harness.node.containers.launch import Launcher, ServicePort
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.containers.restarts import RestartBackoff
from kyma_harness.node.containers.view import Mounting
from kyma_harness.node.errors import AddressError
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.network.hosts import HostsFiles, own_lines
from kyma_harness.node.network.relay import Streams
from kyma_harness.node.pods.pod import PodTools, PodWorker
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.settings import NodeSettings
from kyma_harness.node.volumes.payload import Payload
from kyma_harness.node.volumes.volumes import Claims, Volumes

log = get_logger(__name__)
_NAME_LENGTH = 200  # of a folder's name, which must not be longer than 255 bytes with the uid
# What a pod needs beyond its grace: the seconds that SIGTERM gets at least, and to clean up.
_AFTER_GRACE = 4.0


class BoundPods:
    """Run each pod that the API server has bound to the node."""

    def __init__(
        self,
        settings: NodeSettings,
        client: Client,
        *,
        events: EventRecorder,
        claims: Claims,
        service_port: ServicePort,
        hosts: HostsFiles,
        node_ip: str,
    ) -> None:
        self._settings = settings
        self._client = client
        self._events = events
        self._claims = claims
        self._service_port = service_port
        self._node_ip = node_ip
        self._hosts = hosts
        self._addresses = PodAddresses(settings.pod_cidr)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._draining = False
        self._group: asyncio.TaskGroup | None = None
        self._tools: PodTools | None = None

    def begin(self, session: aiohttp.ClientSession, group: asyncio.TaskGroup, mounting: Mounting) -> None:
        """Run pods from now on, each as a task of this group; `session` is for their probes."""
        self._group, self._tools = group, self._pod_tools(session, mounting)

    def on_pod(self, old: Object | None, new: Object | None) -> None:
        """Take in that a pod has come, changed or gone."""
        if old is not None and (new is None or uid_of(new) != uid_of(old)):
            self._forget(uid_of(old))
        if new is None:
            return
        uid = uid_of(new)
        if uid in self._workers:
            self._workers[uid].update(new)
        elif not self._draining and self._group and self._tools:
            worker = self._workers[uid] = self._worker(new, self._tools)
            self._tasks[uid] = self._group.create_task(self._run(worker), name=f"pod {ObjectKey.of(new)}")

    def on_config(self, old: Object | None, new: Object | None) -> None:
        """Take in that a ConfigMap or Secret has come, changed or gone."""
        if (changed := new or old) is None:
            return
        key = ObjectKey.of(changed)
        for worker in self._workers.values():
            if worker.sandbox.facts.namespace == key.namespace:
                worker.config_changed(changed["kind"], key.name)

    async def drain(self, grace: float) -> None:
        """End every pod's processes, all at once and within the grace; start none any more."""
        self._draining = True
        for worker in self._workers.values():
            worker.drain(grace)
        await self.until_all_over(within=grace + _AFTER_GRACE)

    async def until_all_over(self, *, within: float | None = None) -> None:
        """Wait until nothing of any pod runs, so many seconds at most."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=within)

    def find_log(self, namespace: str, pod: str, container: str, *, previous: bool) -> ContainerLog:
        """Return a container's log; raises LookupError with a sentence for the user."""
        for worker in self._workers.values():
            facts = worker.sandbox.facts
            if (facts.namespace, facts.name) == (namespace, pod):
                return worker.find_log(container, previous=previous)
        raise LookupError(f"pod {namespace}/{pod} is not on node {self._settings.name}")

    def pods(self) -> list[dict[str, Any]]:
        """Return the pods bound to the node."""
        return [dict(worker.pod) for worker in self._workers.values()]

    def address(self, uid: str, container_port: int) -> Address | None:
        """Return where a pod's port is to be found, None if it is nowhere."""
        worker = self._workers.get(uid)
        return worker.sandbox.ports.get(container_port) if worker else None

    async def connect(self, pod_ip: str, container_port: int) -> Streams | None:
        """Connect to a pod by the IP that the API shows; None where no pod has it.

        Raises AddressError where its port is nowhere, or nobody accepts the connection.
        """
        found = (worker.sandbox for worker in self._workers.values())
        sandbox = next((one for one in found if one.facts.pod_ip == pod_ip), None)
        if sandbox is None:
            return None
        name = f"{sandbox.facts.namespace}/{sandbox.facts.name}"
        if container_port not in sandbox.ports:
            raise AddressError(
                f"port {container_port} of pod {name} has no address on this host: add {container_port} to"
                " `listen` in the process rule of its image"
            )
        address = sandbox.ports[container_port]
        try:
            return await asyncio.open_connection(address.host, address.port)
        except OSError as error:
            raise AddressError(f"port {container_port} of pod {name} cannot be reached: {error}") from error

    def _forget(self, uid: str) -> None:
        if worker := self._workers.pop(uid, None):
            worker.update(None)

    def _worker(self, pod: Object, tools: PodTools) -> PodWorker:
        settings = self._settings
        pod_ip = self._addresses.take()
        facts = PodFacts(
            pod=pod, pod_ip=pod_ip, address=settings.loopback.address(pod_ip), host_ip=self._node_ip,
            allocatable=settings.capacity,
        )  # fmt: skip
        tokens = PodTokens(self._client, facts, clock=time.time)
        payload = Payload(facts, self._client, tokens)
        folder = settings.state / "pods" / _folder_name(pod)
        volumes = Volumes(facts, folder / "volumes", payload=payload, claims=self._claims)
        sandbox = Sandbox(facts=facts, folder=folder, volumes=volumes, pool=settings.ports)
        self._hosts.add(sandbox.hosts_file, facts.namespace, own_lines(pod, facts.address))
        return PodWorker(pod, sandbox=sandbox, tokens=tokens, tools=tools)

    async def _run(self, worker: PodWorker) -> None:
        facts = worker.sandbox.facts
        try:
            await worker.run()
        except Exception:
            # One pod must not take the node with it.
            log.exception("pod failed", pod=f"{facts.namespace}/{facts.name}")
        finally:
            self._hosts.drop(worker.sandbox.hosts_file)
            self._addresses.give_back(facts.pod_ip)
            self._tasks.pop(facts.uid, None)

    def _pod_tools(self, session: aiohttp.ClientSession, mounting: Mounting) -> PodTools:
        settings = self._settings
        launcher = Launcher(
            api=self._client, server=self._client.server, tools=settings.tools,
            placeholders=settings.all_placeholders, service_port=self._service_port,
            mounting=mounting,
        )  # fmt: skip
        containers = ContainerTools(
            rules=settings.rules, launcher=launcher, handlers=Handlers(session), events=self._events,
            new_backoff=self._backoff,
        )  # fmt: skip
        return PodTools(
            client=self._client, events=self._events, containers=containers, node_ip=self._node_ip
        )

    def _backoff(self) -> RestartBackoff:
        settings = self._settings
        return RestartBackoff(
            first=settings.first_backoff,
            longest=settings.longest_backoff,
            forgiven_after=settings.forgiven_after,
        )


def _folder_name(pod: Object) -> str:
    """Name a pod's folder for people; the uid is what tells it apart."""
    metadata = pod["metadata"]
    return f"{metadata['namespace']}_{metadata['name']}"[:_NAME_LENGTH] + f"_{metadata['uid']}"
