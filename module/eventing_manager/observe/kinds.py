"""Know what others may have installed: kinds that the backend makes use of where they are served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eventing_manager.api.status import Dependency, Reason
from kubeloop.definitions import Definitions
from kubeloop.resource import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeloop.client import Client
    from kubeloop.reflector import Announcer, Reflector


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionalKind:
    """A kind that the backend does without where nobody installed it."""

    kind: Kind
    definition: str
    """The name of its CustomResourceDefinition."""

    value: str
    """The chart's value below ``nats`` whose ``enabled`` says whether to make objects of it."""


DESTINATION_RULE: Final = OptionalKind(
    kind=Kind.parse("networking.istio.io/v1beta1", "DestinationRule"),
    definition="destinationrules.networking.istio.io",
    value="destinationRule",
)
SERVICE_MONITOR: Final = OptionalKind(
    kind=Kind.parse("monitoring.coreos.com/v1", "ServiceMonitor"),
    definition="servicemonitors.monitoring.coreos.com",
    value="serviceMonitor",
)
OPTIONAL_KINDS: Final = (DESTINATION_RULE, SERVICE_MONITOR)


class OptionalKinds:
    """The optional kinds, by a watch of the definition of each.

    ``on_change()`` is called when one of them comes or goes, and not for every edit of its definition.
    """

    def __init__(self, client: Client, *, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._served: frozenset[OptionalKind] = frozenset()
        self._definitions = {kind: Definitions(client, kind.definition) for kind in OPTIONAL_KINDS}
        for definitions in self._definitions.values():
            definitions.subscribe(self._look)

    @property
    def reflectors(self) -> list[Reflector]:
        """The reflectors to be run."""
        return [definitions.reflector for definitions in self._definitions.values()]

    @property
    def announcers(self) -> dict[Kind, Announcer]:
        """Who tells of each kind, for the reflectors of its objects."""
        return {optional.kind: definitions for optional, definitions in self._definitions.items()}

    def served(self) -> frozenset[OptionalKind]:
        """Return the kinds of which objects can be made now."""
        return frozenset(
            optional
            for optional, definitions in self._definitions.items()
            if definitions.serves(optional.kind)
        )

    def _look(self) -> None:
        served = self.served()
        if served != self._served:
            self._served = served
            self._on_change()


def kinds_found(served: frozenset[OptionalKind]) -> tuple[Dependency, ...]:
    """Return one finding for each optional kind."""
    return tuple(_found(optional, is_served=optional in served) for optional in OPTIONAL_KINDS)


def _found(optional: OptionalKind, *, is_served: bool) -> Dependency:
    kind = optional.kind
    if is_served:
        message = f"{kind} is served, and {kind.kind} of the backend is in place"
        return Dependency(name=kind.group_kind, satisfied=True, reason=Reason.SATISFIED, message=message)
    message = f"{kind} is not served, so {kind.kind} of the backend is left out until it is"
    return Dependency(name=kind.group_kind, satisfied=False, reason=Reason.KINDS_ABSENT, message=message)
