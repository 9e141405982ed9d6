"""Register the Node, keep its Lease and its status fresh."""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.kinds import NODE
from kubeloop.logs import get_logger
from kubeloop.resource import Object
from kyma_harness.node.annotations import KIND
from kyma_harness.node.settings import NodeSettings
from kyma_harness.node.states import now, timestamp

log = get_logger(__name__)
_FIELD_MANAGER = "process-node"
_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40
_RETRY_SECONDS = 0.2
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NODE_IP = "127.0.0.1"


class Registration:
    """Tell the API server that the node is there; `prepare` is run before, until it succeeds."""

    def __init__(
        self,
        settings: NodeSettings,
        client: Client,
        *,
        kubelet_port: int,
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        self._registered = False
        self._prepare = prepare
        self._settings = settings
        self._client = client
        self._kubelet_port = kubelet_port
        self._since = timestamp(now())

    async def run(self) -> None:
        """Register, then renew the Lease; after 40 s without success the node would be tainted."""
        while True:
            try:
                if not self._registered:
                    await self._prepare()
                    await self._register()
                await self._renew()
                await self._stay_ready()
            except ControllerError as error:
                log.warning("node not registered or lease not renewed", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await asyncio.sleep(self._settings.renew_lease_every)

    async def _register(self) -> None:
        node = self._node()
        await self._client.apply(node, field_manager=_FIELD_MANAGER, force=True)
        version = await self._client.request("GET", "/version")
        status = {**node, "metadata": {"name": self._settings.name}, "status": self._status(version)}
        await self._client.apply(status, field_manager=_FIELD_MANAGER, force=True, subresource="status")
        self._registered = True
        log.info("node registered", node=self._settings.name)

    async def _stay_ready(self) -> None:
        """Say again that the node is ready where it was taken for dead: nobody else takes that back."""
        found = await self._client.get(NODE, self._settings.name)
        conditions = {one["type"]: one["status"] for one in found.get("status", {}).get("conditions", ())}
        if conditions.get("Ready") != "True":
            self._since = timestamp(now())
            await self._register()

    async def _renew(self) -> None:
        moment = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._settings.name, "namespace": _LEASE_NAMESPACE},
            "spec": {
                "holderIdentity": self._settings.name,
                "leaseDurationSeconds": _LEASE_SECONDS,
                "renewTime": moment,
            },
        }
        await self._client.apply(lease, field_manager=_FIELD_MANAGER, force=True)

    def _node(self) -> Object:
        architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self._settings.name,
                "labels": {
                    "kubernetes.io/hostname": self._settings.name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": architecture,
                    KIND: "process",
                },
                "annotations": {KIND: "process: containers of this node are processes of the host"},
            },
        }

    def _status(self, version: Any) -> dict[str, Any]:
        settings = self._settings
        return {
            "capacity": dict(settings.capacity),
            "allocatable": dict(settings.capacity),
            "addresses": [
                {"type": "InternalIP", "address": NODE_IP},
                {"type": "Hostname", "address": settings.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._kubelet_port}},
            "nodeInfo": {
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
                "operatingSystem": "linux",
                "osImage": "host processes",
                "kernelVersion": platform.release(),
                "kubeletVersion": version["gitVersion"],
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "process://1",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
            "conditions": [
                self._condition("Ready", "True", "KubeletReady", "the process node runs pods as processes"),
                self._condition("MemoryPressure", "False", "NotWatched", "memory is the host's business"),
                self._condition("DiskPressure", "False", "NotWatched", "disks are the host's business"),
                self._condition("PIDPressure", "False", "NotWatched", "processes are the host's business"),
            ],
        }

    def _condition(self, kind: str, status: str, reason: str, message: str) -> dict[str, str]:
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": self._since,
            "lastTransitionTime": self._since,
        }
