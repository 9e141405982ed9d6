"""Say where in which registry something lies, and which schemes are tried there."""

import ipaddress
from dataclasses import dataclass
from typing import Self

from kyma_harness.kyma.errors import RegistryError

PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""RFC 1918, as module-manager's registry client has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place in a registry, as in ``localhost:5001/unsigned``."""

    host: str
    """Host and port."""
    prefix: str
    insecure: bool = False
    """Whether plain http, and https that nobody vouches for, will do wherever it is."""

    @classmethod
    def parse(cls, text: str, *, insecure: bool = False) -> Self:
        """Split ``host:port/prefix``; a scheme is refused, as module-manager cannot parse one."""
        if "://" in text:
            bare = text.partition("://")[2]
            raise RegistryError(
                f"registry {text}: leave the scheme out, as module-manager cannot parse it: {bare}"
            )
        host, _, prefix = text.strip("/").partition("/")
        if not host:
            raise RegistryError(f"registry {text!r} has no host; write host:port or host:port/prefix")
        return cls(host=host, prefix=prefix, insecure=insecure)

    def repository(self, name: str) -> str:
        """Return a repository's full name under the prefix."""
        return f"{self.prefix}/{name}" if self.prefix else name

    @property
    def schemes(self) -> tuple[str, ...]:
        """What is tried, in order: plain http where module-manager's client does so, too, or on demand."""
        return ("https", "http") if self.insecure or _is_local(self.host) else ("https",)


def _is_local(host: str) -> bool:
    """Tell whether ggcr, the client in module-manager, would fall back to http (contract 3.4)."""
    name = host.rpartition(":")[0].strip("[]") if _has_port(host) else host.strip("[]")
    if name == "localhost" or name.endswith((".localhost", ".local")):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in PRIVATE)


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and not host.endswith("]")
