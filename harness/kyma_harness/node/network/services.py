"""Make Services reachable: one local port for each Service port, forwarded to its ready endpoints."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from kubeloop.client import Client
from kubeloop.controller import Controller, Result
from kubeloop.errors import NotFoundError
from kubeloop.kinds import ENDPOINT_SLICE, SERVICE
from kubeloop.reflector import Reflector
from kubeloop.resource import Object, ObjectKey, annotations_of, labels_of
from kyma_harness.host.ports import PortPool
from kyma_harness.node.annotations import ADDRESSES
from kyma_harness.node.network.forwarder import Forwarder
from kyma_harness.node.rules.placeholders import HOST

_OWNER_LABEL = "kubernetes.io/service-name"
ResolvePort = Callable[[str, int], int | None]


class ServiceProxy:
    """Be the kube-proxy of a node without a network.

    `resolve(pod uid, container port)` gives the host port of a pod's port, None if it has none.
    """

    def __init__(self, client: Client, pool: PortPool, resolve: ResolvePort) -> None:
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
        if service and ports:
            await self._annotate(key, service, ports)
        return Result()

    def _forwarder(self, key: tuple[ObjectKey, int]) -> Forwarder:
        if key not in self._forwarders:
            self._forwarders[key] = Forwarder(self._pool.reserve())
        return self._forwarders[key]

    async def _drop(self, service: ObjectKey, ports: Mapping[int, Any]) -> None:
        """Close what the Service no longer has; a port that a rule mentions stays reserved."""
        gone = [key for key in self._forwarders if key[0] == service and key[1] not in ports]
        for key in gone:
            await self._forwarders[key].close()
            if key not in self._mentioned:
                self._pool.release(self._forwarders.pop(key).port)

    def _targets(self, service: ObjectKey, port_name: str) -> Iterator[int]:
        """Yield the host ports of the ready endpoints, or of those that still serve while they end."""
        endpoints = list(self._endpoints(service, port_name))
        ready = [one for one in endpoints if one[0].get("ready") is not False]
        serving = [one for one in endpoints if one[0].get("serving")]
        for _, uid, number in ready or serving:
            if (port := self._resolve(uid, number)) is not None:
                yield port

    def _endpoints(self, service: ObjectKey, port_name: str) -> Iterator[tuple[Mapping[str, Any], str, int]]:
        for one in self._slices.all():
            owner = labels_of(one).get(_OWNER_LABEL)
            if one["metadata"]["namespace"] != service.namespace or owner != service.name:
                continue
            numbers = [port["port"] for port in one.get("ports") or () if port.get("name", "") == port_name]
            for endpoint in one.get("endpoints") or ():
                for number in numbers:
                    uid = endpoint.get("targetRef", {}).get("uid", "")
                    yield endpoint.get("conditions", {}), uid, number

    async def _annotate(self, key: ObjectKey, service: Object, ports: Mapping[int, Any]) -> None:
        addresses = json.dumps(
            {str(port): f"{HOST}:{self._forwarder((key, port)).port}" for port in sorted(ports)}
        )
        if annotations_of(service).get(ADDRESSES) != addresses:
            patch = {"metadata": {"annotations": {ADDRESSES: addresses}}}
            with suppress(NotFoundError):
                await self._client.merge_patch(SERVICE, key.name, patch, namespace=key.namespace)


def _ports(service: Object) -> list[Mapping[str, Any]]:
    spec = service["spec"]
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return []
    return [port for port in spec.get("ports") or () if port.get("protocol", "TCP") == "TCP"]
