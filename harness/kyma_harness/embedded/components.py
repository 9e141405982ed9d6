"""Say how each component of the control plane is called: flags from measurements, reasons beside them."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import aiohttp
import yaml

from kubeloop.client.kubeconfig import as_text, certificate_user, cluster_of, kubeconfig_of
from kyma_harness.embedded.errors import ComponentFailedError
from kyma_harness.embedded.layout import Layout
from kyma_harness.embedded.pki import ClusterPki, KeyPair
from kyma_harness.host.paths import write_private
from kyma_harness.host.process import Child

_INTERVAL_SECONDS = 0.05
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A URL that answers 200 when its component is ready."""

    url: str
    tls: ssl.SSLContext | None = None


def client_tls(authority: str, client: KeyPair) -> ssl.SSLContext:
    """Return a TLS context that trusts one authority and presents one certificate."""
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(client.certificate, client.key)
    return context


async def until_ready(child: Child, probe: Probe, limit: float) -> None:
    """Ask until the component is ready.

    Raises ComponentFailedError when it ends before that, or is not ready after so many seconds.
    """
    ended = asyncio.ensure_future(child.wait())
    asking = asyncio.ensure_future(_ask(probe))
    try:
        await asyncio.wait({ended, asking}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        if ended.done():
            raise ComponentFailedError.of(
                child, f"ended with {ended.result()} at its start", child.last_words()
            )
        raise ComponentFailedError.of(
            child, f"was not ready after {limit:g} s ({probe.url})", child.log_tail()
        )
    finally:
        for task in (ended, asking):
            task.cancel()


async def _ask(probe: Probe) -> None:
    # A new connection for each question: a server that is starting may accept one and never answer on it.
    while not await _answers(probe):  # noqa: ASYNC110 - there is nothing to wait on before it listens
        await asyncio.sleep(_INTERVAL_SECONDS)


async def _answers(probe: Probe) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=_REQUEST_TIMEOUT) as session,
            session.get(probe.url, ssl=probe.tls or True) as response,
        ):
            return response.status == 200  # noqa: PLR2004 - OK
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One process of the cluster, and how it says that it is ready."""

    name: str
    argv: tuple[str, ...]
    probe: Probe
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of one cluster's components, all on 127.0.0.1."""

    etcd: int
    etcd_peer: int
    api_server: int
    controller_manager: int
    scheduler: int
    registry: int
    egress: int
    """Where the node connects the API server to what is in the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Build the command of every component from what they share."""

    tools: Path
    layout: Layout
    pki: ClusterPki
    ports: Ports
    services: IPv4Network
    """The addresses of Services, all of this host."""

    @property
    def api_url(self) -> str:
        """Where the API server listens."""
        return f"https://{_HOST}:{self.ports.api_server}"

    @property
    def registry_address(self) -> str:
        """Where the registry listens."""
        return f"{_HOST}:{self.ports.registry}"

    def write_kubeconfigs(self, cluster: str) -> None:
        """Write what each client of the API server reads; `cluster` is what they call it."""
        clients = {
            self.layout.kubeconfig: self.pki.admin,
            self.layout.pki / "kube-controller-manager.kubeconfig": self.pki.controller_manager,
            self.layout.pki / "kube-scheduler.kubeconfig": self.pki.scheduler,
            self.layout.pki / "node.kubeconfig": self.pki.node,
        }
        for path, client in clients.items():
            # Each carries its certificates, so that it can be copied as one file.
            document = kubeconfig_of(
                cluster_of(self.api_url, self.pki.authority.read_bytes()),
                certificate_user(client.certificate.read_bytes(), client.key.read_bytes()),
                name=cluster,
            )
            write_private(path, as_text(document))

    def etcd(self) -> Component:
        """Return etcd, which wants a client certificate of its own authority from everybody."""
        url, peer = f"https://{_HOST}:{self.ports.etcd}", f"https://{_HOST}:{self.ports.etcd_peer}"
        flags = {
            "name": "etcd",
            "data-dir": self.layout.etcd / "data",
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"etcd={peer}",
            "client-cert-auth": "true",
            "trusted-ca-file": self.pki.etcd_authority,
            "cert-file": self.pki.etcd.certificate,
            "key-file": self.pki.etcd.key,
            "peer-client-cert-auth": "true",
            "peer-trusted-ca-file": self.pki.etcd_authority,
            "peer-cert-file": self.pki.etcd.certificate,
            "peer-key-file": self.pki.etcd.key,
            "unsafe-no-fsync": "true",  # the data does not outlive the machine's uptime
            "log-level": "warn",
        }
        tls = client_tls(str(self.pki.etcd_authority), self.pki.api_server_to_etcd)
        return self._component("etcd", flags, Probe(url=f"{url}/health", tls=tls))

    def api_server(self) -> Component:
        """Return kube-apiserver."""
        flags = {
            "bind-address": _HOST,
            "advertise-address": _HOST,  # there may be no default route to find an address by
            "secure-port": self.ports.api_server,
            "etcd-servers": f"https://{_HOST}:{self.ports.etcd}",
            "etcd-cafile": self.pki.etcd_authority,
            "etcd-certfile": self.pki.api_server_to_etcd.certificate,
            "etcd-keyfile": self.pki.api_server_to_etcd.key,
            "client-ca-file": self.pki.authority,
            "tls-cert-file": self.pki.api_server.certificate,
            "tls-private-key-file": self.pki.api_server.key,
            "kubelet-certificate-authority": self.pki.authority,
            "kubelet-client-certificate": self.pki.api_server_to_kubelet.certificate,
            "kubelet-client-key": self.pki.api_server_to_kubelet.key,
            "kubelet-preferred-address-types": "InternalIP",  # the node's name resolves nowhere
            "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
            "service-account-key-file": self.pki.service_account_key,
            "service-account-signing-key-file": self.pki.service_account_key,
            "service-cluster-ip-range": self.services,
            "authorization-mode": "RBAC",
            "anonymous-auth": "false",
            "endpoint-reconciler-type": "none",  # endpoints reject loopback addresses
            "enable-priority-and-fairness": "false",  # a fifth of the start, nothing for one machine
            "profiling": "false",
            "egress-selector-config-file": self._egress_selector(),
        }
        return self._component("kube-apiserver", flags, self._probe(f"{self.api_url}/readyz"))

    def controller_manager(self) -> Component:
        """Return kube-controller-manager."""
        flags = {
            **self._client("kube-controller-manager", self.pki.controller_manager),
            "secure-port": self.ports.controller_manager,
            "service-account-private-key-file": self.pki.service_account_key,
            "root-ca-file": self.pki.authority,
            # A namespace is emptied kind by kind: the default of 20 requests a second makes that slow.
            "kube-api-qps": 200,
            "kube-api-burst": 400,
        }
        probe = self._probe(f"https://{_HOST}:{self.ports.controller_manager}/healthz")
        return self._component("kube-controller-manager", flags, probe)

    def scheduler(self) -> Component:
        """Return kube-scheduler."""
        flags = {
            **self._client("kube-scheduler", self.pki.scheduler),
            "secure-port": self.ports.scheduler,
        }
        probe = self._probe(f"https://{_HOST}:{self.ports.scheduler}/healthz")
        return self._component("kube-scheduler", flags, probe)

    def registry(self) -> Component:
        """Return the OCI registry; it speaks plain HTTP and lets blobs be deleted."""
        configuration = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.layout.registry / "data")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.registry_address},
        }
        file = write_private(self.layout.registry / "config.yml", yaml.safe_dump(configuration))
        return Component(
            name="registry",
            argv=(str(self.tools / "registry"), "serve", str(file)),
            probe=Probe(url=f"http://{self.registry_address}/v2/"),
            environment=(("OTEL_TRACES_EXPORTER", "none"),),  # else it looks for a collector
        )

    def _egress_selector(self) -> Path:
        """Have every connection into the cluster made by the node, which alone knows the way to a Service."""
        pair = self.pki.api_server_to_kubelet
        tls = {
            "caBundle": str(self.pki.authority),
            "clientCert": str(pair.certificate),
            "clientKey": str(pair.key),
        }
        proxy = {"url": f"https://{_HOST}:{self.ports.egress}", "tlsConfig": tls}
        connection = {"proxyProtocol": "HTTPConnect", "transport": {"tcp": proxy}}
        configuration = {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": connection}],
        }
        return write_private(self.layout.pki / "egress-selector.yaml", yaml.safe_dump(configuration))

    def _client(self, name: str, pair: KeyPair) -> dict[str, object]:
        return {
            "kubeconfig": self.layout.pki / f"{name}.kubeconfig",
            "bind-address": _HOST,
            "tls-cert-file": pair.certificate,
            "tls-private-key-file": pair.key,
            "leader-elect": "false",  # there is one of each
            "profiling": "false",
        }

    def _probe(self, url: str) -> Probe:
        return Probe(url=url, tls=client_tls(str(self.pki.authority), self.pki.admin))

    def _component(self, name: str, flags: Mapping[str, object], probe: Probe) -> Component:
        arguments = (f"--{flag}={value}" for flag, value in flags.items())
        return Component(name=name, argv=(str(self.tools / name), *arguments), probe=probe)
