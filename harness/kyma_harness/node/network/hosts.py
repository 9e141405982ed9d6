"""The names of Services and of the pods behind them, in a hosts file for each pod.

A container that has a root of its own finds the file where every resolver looks: at /etc/hosts. It is written
in place, since what is mounted there is this file and not its path.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey
from kyma_harness.node.addresses import Loopback

log = get_logger(__name__)
HOSTS = "/etc/hosts"
_DOMAIN = "svc.cluster.local"
_COMMON = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A name within a namespace, such as `web` or `web-0.web`, and the address that it stands for."""

    name: str
    namespace: str
    address: str

    def line(self, namespace: str) -> str:
        """Return its line for a pod of a namespace: that of its own needs no more than the name."""
        full = f"{self.name}.{self.namespace}"
        names = [
            f"{full}.{_DOMAIN}",
            f"{full}.svc",
            full,
            *([self.name] if namespace == self.namespace else []),
        ]
        return f"{self.address}\t{' '.join(names)}"


class HostsFiles:
    """Keep the hosts file of each pod as the cluster's Services are."""

    def __init__(self) -> None:
        self._names: dict[ObjectKey, frozenset[Name]] = {}
        self._files: dict[Path, tuple[str, tuple[str, ...]]] = {}

    def add(self, path: Path, namespace: str, own: Iterable[str]) -> None:
        """Write the file of a pod, and keep it up to date; `own` are the lines of the pod itself."""
        self._files[path] = (namespace, tuple(own))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write(path)

    def drop(self, path: Path) -> None:
        """Look after a file no more."""
        self._files.pop(path, None)

    def set_names(self, service: ObjectKey, names: Iterable[Name]) -> None:
        """Take in by which names a Service and the pods behind it are known."""
        found = frozenset(names)
        if found == self._names.get(service, frozenset()):
            return
        self._names[service] = found
        for path in self._files:
            self._write(path)

    def _write(self, path: Path) -> None:
        try:
            _write_in_place(path, self._content(*self._files[path]).encode())
        except OSError as error:
            # A pod that goes takes its folder with it; whoever needs the names cannot find them, and says so.
            log.warning("hosts file not written", path=str(path), error=str(error))

    def _content(self, namespace: str, own: Sequence[str]) -> str:
        names = sorted(name for found in self._names.values() for name in found)
        return "".join(f"{line}\n" for line in (*_COMMON, *own, *(name.line(namespace) for name in names)))


def own_lines(pod: Mapping[str, Any], address: str) -> list[str]:
    """Return what a kubelet writes into the hosts file of a pod: its own name, and its hostAliases."""
    spec, metadata = pod["spec"], pod["metadata"]
    hostname = spec.get("hostname") or metadata["name"]
    full = (
        f"{hostname}.{spec['subdomain']}.{metadata['namespace']}.{_DOMAIN} " if spec.get("subdomain") else ""
    )
    aliases = [f"{one['ip']}\t{' '.join(one['hostnames'])}" for one in spec.get("hostAliases") or ()]
    return [f"{address}\t{full}{hostname}", *aliases]


def names_of(service: Object, endpoints: Iterable[Mapping[str, Any]], loopback: Loopback) -> list[Name]:
    """Return the names of a Service: its own, and if it is headless those of its available endpoints."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    address = service["spec"].get("clusterIP") or ""
    if address != "None":
        return [Name(name, namespace, address)] if address else []
    names = []
    for endpoint in endpoints:
        for pod_ip in endpoint["addresses"]:
            if IPv4Address(pod_ip) not in loopback.shown:
                continue  # no pod of this node
            at = loopback.address(pod_ip)
            names.append(Name(name, namespace, at))
            if hostname := endpoint.get("hostname"):
                names.append(Name(f"{hostname}.{name}", namespace, at))
    return names


def _write_in_place(path: Path, content: bytes) -> None:
    """Write all of it at once, so that whoever reads meanwhile does not find the file empty."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)
