"""Where something listens, and the pod IPs that the API shows: it refuses loopback addresses."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from kyma_harness.node.errors import AddressError


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An address of this host and a port of it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Loopback:
    """Where on this host the pods are that the API shows by IPs of its own."""

    shown: IPv4Network
    pods: IPv4Network

    def address(self, pod_ip: str) -> str:
        """Return the address that a pod has on this host."""
        offset = int(IPv4Address(pod_ip)) - int(self.shown.network_address)
        return str(self.pods.network_address + offset)


class PodAddresses:
    """Hand out each address once, and an address given back only after all the others."""

    def __init__(self, network: IPv4Network) -> None:
        self._network = network
        self._used: set[str] = set()
        self._last = int(self._network.network_address)

    def take(self) -> str:
        """Return an address that no pod has; raises AddressError when there is none."""
        first, last = int(self._network.network_address) + 1, int(self._network.broadcast_address) - 1
        for _ in range(last - first + 1):
            self._last = self._last + 1 if self._last < last else first
            address = str(IPv4Address(self._last))
            if address not in self._used:
                self._used.add(address)
                return address
        raise AddressError(f"every pod address of {self._network} is taken: delete pods")

    def give_back(self, address: str) -> None:
        """Let the address be used again."""
        self._used.discard(address)
