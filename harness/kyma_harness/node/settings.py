"""What a process node is told when it is made."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from kyma_harness.host.ports import PortPool
from kyma_harness.node.addresses import Loopback
from kyma_harness.node.rules.rules import Rules

# Generous on purpose: what a pod requests must not keep it from being placed on a laptop.
_CAPACITY = {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "100Gi", "pods": "110"}
_SHOWN, _PODS = IPv4Network("10.244.0.0/16"), IPv4Network("127.64.0.0/16")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """Everything the process node decides on.

    `state` is its folder: `pods/` and `volumes/` are made in it. `tools` goes first into every PATH.
    `placeholders` are what rules may say beyond `{tools}`, `{python}`, `{host}`, `{module}`.
    `tls_cert`, `tls_key` serve the kubelet endpoint and, at the `egress_port` of the node that has one, the
    API server's connections into the cluster; `client_ca` signs the API server's client certificate.
    Times in seconds.
    """

    state: Path
    tools: Path
    rules: Rules
    ports: PortPool
    tls_cert: Path
    tls_key: Path
    client_ca: Path
    egress_port: int | None = None
    name: str = "process-node"
    # What the API shows as the pods' addresses, and what they are on this host: the API refuses those.
    pod_cidr: IPv4Network = _SHOWN
    pod_network: IPv4Network = _PODS
    placeholders: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, str] = field(default_factory=lambda: dict(_CAPACITY))
    # A kubelet starts at 10 s and doubles up to 5 minutes. A test should not wait that long for a second try.
    first_backoff: float = 1.0
    longest_backoff: float = 300.0
    # A container that has run this long has its failures forgiven.
    forgiven_after: float = 600.0
    # Whether containers get a root of their own where the host allows it.
    mount_namespaces: bool = True
    # Without a renewal for 40 s the node is tainted.
    renew_lease_every: float = 10.0

    @property
    def loopback(self) -> Loopback:
        """Where on this host the pods are."""
        return Loopback(shown=self.pod_cidr, pods=self.pod_network)

    def tls(self) -> ssl.SSLContext:
        """Return what lets in nobody but who has a client certificate signed by `client_ca`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.tls_cert, self.tls_key)
        context.load_verify_locations(self.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    @property
    def all_placeholders(self) -> dict[str, str]:
        """The placeholders that are the same for every rule."""
        return {"tools": str(self.tools), **self.placeholders}
