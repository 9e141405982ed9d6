"""Make Services reachable: one local port for each Service port, forwarded to its ready endpoints."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from kubeloop.client import Client
from kubeloop.controller import Controller, Result
from kubeloop.errors import NotFoundError
from kubeloop.kinds import ENDPOINT_SLICE, SERVICE
from kubeloop.reflector import Reflector
from kubeloop.resource import Object, ObjectKey, annotations_of, labels_of
from kyma_harness.host.ports import PortPool
from kyma_harness.node.addresses import Address, Loopback
from kyma_harness.node.annotations import ADDRESSES
from kyma_harness.node.errors import AddressError
from kyma_harness.node.network.forwarder import Forwarder
from kyma_harness.node.network.hosts import HostsFiles, Name, names_of
from kyma_harness.node.network.relay import Streams
from kyma_harness.node.rules.placeholders import HOST

_OWNER_LABEL = "kubernetes.io/service-name"
_DOMAIN = ".cluster.local"
_API_SERVER = ObjectKey("default", "kubernetes")
"""The one Service without a selector that leads somewhere."""
ResolvePort = Callable[[str, int], Address | None]


class ServiceProxy:
    """Be the kube-proxy of a node without a network.

    `resolve(pod uid, container port)` gives where a pod's port is to be found, None if it is nowhere. A port
    that is `kept_free` is not listened at but on 127.0.0.1: a program would be in the way that needs it at
    every address.
    """

    def __init__(
        self,
        client: Client,
        pool: PortPool,
        resolve: ResolvePort,
        *,
        hosts: HostsFiles,
        loopback: Loopback,
        kept_free: frozenset[int],
    ) -> None:
        self._hosts = hosts
        self._loopback = loopback
        self._kept_free = kept_free
        self._client = client
        self._pool = pool
        self._resolve = resolve
        self._forwarders: dict[tuple[ObjectKey, int], Forwarder] = {}
        self._mentioned: set[tuple[ObjectKey, int]] = set()
        self._controller = Controller("service-proxy", self._reconcile)
        self._services = Reflector(client, SERVICE, on_change=self._on_service)
        self._slices = Reflector(client, ENDPOINT_SLICE, on_change=self._on_slice)

    def port_of(self, namespace: str, name: str, port: int) -> int:
        """Return the local port for a Service's port; it stays the same, with or without the Service."""
        key = (ObjectKey(namespace, name), port)
        self._mentioned.add(key)
        return self._forwarder(key).port

    async def connect(self, host: str, port: int) -> Streams | None:
        """Connect to a Service by its address or name; None where no Service has it.

        Raises AddressError where nobody behind the Service accepts the connection.
        """
        found = next((one for one in self._services.all() if host in _names_of(one)), None)
        if found is None:
            return None
        key = ObjectKey.of(found)
        served = {one["port"]: one for one in _ports(found)}
        if port not in served:
            known = ", ".join(map(str, served)) or "none"
            raise AddressError(
                f"Service {key} has no TCP port {port} with pods behind it, its ports are {known}"
            )
        connected = await self._forwarder((key, port)).connect()
        if connected is None:
            raise AddressError(self._why_nobody(key, port, served[port].get("name", "")))
        return connected

    def _why_nobody(self, service: ObjectKey, port: int, port_name: str) -> str:
        endpoints = self._available(service, port_name)
        if not endpoints:
            return f"Service {service} has no ready endpoint for port {port}"
        nowhere = [number for uid, number in endpoints if self._resolve(uid, number) is None]
        if nowhere:
            return (
                f"port {port} of Service {service} leads to container port {nowhere[0]}, which has no address"
                f" on this host: add {nowhere[0]} to `listen` in the process rule of its image"
            )
        return f"no ready endpoint of Service {service} accepts connections for port {port}"

    async def run(self) -> None:
        """Forward until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._services.run())
                group.create_task(self._slices.run())
                group.create_task(self._controller.run())
        finally:
            for forwarder in self._forwarders.values():
                await forwarder.close()
                self._pool.release(forwarder.port)

    def _on_service(self, old: Object | None, new: Object | None) -> None:
        if (changed := new or old) is not None:
            self._controller.enqueue(ObjectKey.of(changed))

    def _on_slice(self, old: Object | None, new: Object | None) -> None:
        for changed in (old, new):
            if changed is not None and (name := labels_of(changed).get(_OWNER_LABEL)):
                self._controller.enqueue(ObjectKey(changed["metadata"]["namespace"], name))

    async def _reconcile(self, key: ObjectKey) -> Result:
        service = self._services.get(key)
        ports = {port["port"]: port for port in _ports(service)} if service else {}
        for number, port in ports.items():
            targets = list(self._targets(key, port.get("name", "")))
            await self._forwarder((key, number)).set_targets(targets)
        await self._drop(key, ports)
        self._hosts.set_names(key, self._names(service) if service else ())
        if service and ports:
            await self._annotate(key, service, ports)
        return Result()

    def _forwarder(self, key: tuple[ObjectKey, int]) -> Forwarder:
        if key not in self._forwarders:
            self._forwarders[key] = Forwarder(self._pool.reserve(), also=self._own_address(*key))
        return self._forwarders[key]

    def _own_address(self, key: ObjectKey, port: int) -> Address | None:
        """Return where a Service is by its own address, which is one of this host's loopback addresses."""
        service = self._services.get(key)
        address = service["spec"].get("clusterIP", "") if service else ""
        return Address(address, port) if address.startswith("127.") and port not in self._kept_free else None

    def _names(self, service: Object) -> list[Name]:
        key = ObjectKey.of(service)
        endpoints = [
            endpoint
            for one in self._slices_of(key)
            for endpoint in one.get("endpoints") or ()
            if endpoint.get("conditions", {}).get("ready") is not False
        ]
        return names_of(service, endpoints, self._loopback)

    async def _drop(self, service: ObjectKey, ports: Mapping[int, Any]) -> None:
        """Close what the Service no longer has; a port that a rule mentions stays reserved."""
        gone = [key for key in self._forwarders if key[0] == service and key[1] not in ports]
        for key in gone:
            await self._forwarders[key].close()
            if key not in self._mentioned:
                self._pool.release(self._forwarders.pop(key).port)

    def _targets(self, service: ObjectKey, port_name: str) -> Iterator[Address]:
        """Yield where the available endpoints listen."""
        if service == _API_SERVER:
            server = urlsplit(self._client.server)
            yield Address(server.hostname or "", server.port or 0)
        for uid, number in self._available(service, port_name):
            if (address := self._resolve(uid, number)) is not None:
                yield address

    def _available(self, service: ObjectKey, port_name: str) -> Sequence[tuple[str, int]]:
        """Return pod and port of the ready endpoints, or of those that still serve while they end."""
        endpoints = list(self._endpoints(service, port_name))
        ready = [one for one in endpoints if one[0].get("ready") is not False]
        serving = [one for one in endpoints if one[0].get("serving")]
        return [(uid, number) for _, uid, number in ready or serving]

    def _endpoints(self, service: ObjectKey, port_name: str) -> Iterator[tuple[Mapping[str, Any], str, int]]:
        for one in self._slices_of(service):
            numbers = [port["port"] for port in one.get("ports") or () if port.get("name", "") == port_name]
            for endpoint in one.get("endpoints") or ():
                for number in numbers:
                    uid = endpoint.get("targetRef", {}).get("uid", "")
                    yield endpoint.get("conditions", {}), uid, number

    def _slices_of(self, service: ObjectKey) -> Iterator[Object]:
        for one in self._slices.all():
            owner = labels_of(one).get(_OWNER_LABEL)
            if one["metadata"]["namespace"] == service.namespace and owner == service.name:
                yield one

    async def _annotate(self, key: ObjectKey, service: Object, ports: Mapping[int, Any]) -> None:
        addresses = json.dumps(
            {str(port): f"{HOST}:{self._forwarder((key, port)).port}" for port in sorted(ports)}
        )
        if annotations_of(service).get(ADDRESSES) != addresses:
            patch = {"metadata": {"annotations": {ADDRESSES: addresses}}}
            with suppress(NotFoundError):
                await self._client.merge_patch(SERVICE, key.name, patch, namespace=key.namespace)


def _names_of(service: Object) -> set[str]:
    """Return what a Service is known by to whoever is not of its namespace."""
    metadata, spec = service["metadata"], service["spec"]
    name = f"{metadata['name']}.{metadata['namespace']}.svc"
    return {name, f"{name}{_DOMAIN}", spec.get("clusterIP", ""), *(spec.get("clusterIPs") or ())}


def _ports(service: Object) -> list[Mapping[str, Any]]:
    spec = service["spec"]
    leads_to_pods = spec.get("selector") or ObjectKey.of(service) == _API_SERVER
    if not leads_to_pods or spec.get("type") == "ExternalName":
        return []
    return [port for port in spec.get("ports") or () if port.get("protocol", "TCP") == "TCP"]
