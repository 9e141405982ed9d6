"""Fill in the placeholders of a process rule: `{tools}`, `{port:8080}`, `{service:ns/name:4222}`."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kyma_harness.node.addresses import Address
from kyma_harness.node.errors import AddressError, RuleError

# JSON never looks like this (its braces are followed by a quote), and neither does a Go template.
_PLACEHOLDER = re.compile(r"\{([a-z][a-z_]*)(?::([^{}]+))?\}")
_SERVICE = re.compile(r"(?P<namespace>[a-z0-9.-]+)/(?P<name>[a-z0-9.-]+):(?P<port>\d+)")

HOST = "127.0.0.1"
POD_IP = "pod_ip"
EVERYWHERE = frozenset({"python", "host", "module", POD_IP})
WITH_ARGUMENT = frozenset({"port", "address", "service"})
IN_LISTEN = frozenset({"port", "address"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """Everything a rule may refer to, for one container.

    `values` are the plain ones; `ports` says where container ports are to be found; `service_port` gives the
    host port of a Service's port and reserves it on first mention.
    """

    values: Mapping[str, str]
    ports: Mapping[int, Address]
    service_port: Callable[[str, str, int], int]

    def fill(self, text: str, *, listen: int | None = None) -> str:
        """Replace every placeholder; `{port}` and `{address}` without a number mean the `listen` port.

        Raises RuleError for an unknown one, AddressError for a port the rule does not list.
        """
        return _PLACEHOLDER.sub(lambda found: self._value(found[1], found[2], listen), text)

    def _value(self, name: str, argument: str | None, listen: int | None) -> str:
        if argument is None and listen is not None and name in IN_LISTEN:
            argument = str(listen)
        if name in IN_LISTEN and argument is not None:
            address = self._address(argument)
            return str(address.port) if name == "port" else str(address)
        if name == "service" and argument is not None:
            namespace, service, number = service_of(argument)
            return f"{HOST}:{self.service_port(namespace, service, number)}"
        if argument is None and name in self.values:
            return self.values[name]
        raise RuleError(f"unknown placeholder {{{name}}}: known are {_listed(self.values)}")

    def _address(self, argument: str) -> Address:
        if argument.isdigit() and int(argument) in self.ports:
            return self.ports[int(argument)]
        raise AddressError(f"the rule uses port {argument} but has no `listen` entry for it: add one")


def names_in(text: str) -> Iterable[tuple[str, str | None]]:
    """Yield each placeholder's name and argument."""
    for found in _PLACEHOLDER.finditer(text):
        yield found[1], found[2]


def service_of(argument: str) -> tuple[str, str, int]:
    """Split `NAMESPACE/NAME:PORT`; raises RuleError if it does not read like that."""
    if not (found := _SERVICE.fullmatch(argument)):
        raise RuleError(f"{{service:{argument}}} does not read {{service:NAMESPACE/NAME:PORT}}")
    return found["namespace"], found["name"], int(found["port"])


def _listed(values: Mapping[str, str]) -> str:
    known = [f"{{{name}}}" for name in sorted(values)]
    return ", ".join([*known, "{port:N}", "{address:N}", "{service:NAMESPACE/NAME:PORT}"])
