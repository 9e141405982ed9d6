"""Watch what belongs to the manager, so that a change of it starts a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from eventing_manager.claims import CLAIM_SELECTOR
from eventing_manager.dependencies import OPTIONAL_KINDS
from eventing_manager.names import NATS_SECRET
from kubeloop.applyset import PART_OF_LABEL
from kubeloop.kinds import (
    CONFIG_MAP,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    PVC,
    SECRET,
    SERVICE,
    STATEFUL_SET,
)
from kubeloop.reflector import Reflector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubeloop.client import Client
    from kubeloop.reflector import Announcer
    from kubeloop.resource import Kind, Object, ObjectKey

INSTALLED_KINDS: Final = (
    CONFIG_MAP,
    SERVICE,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    STATEFUL_SET,
    *(optional.kind for optional in OPTIONAL_KINDS),
)
"""What the chart may make: the manager's Role names the same kinds."""

NAMED_KINDS: Final = {SECRET: NATS_SECRET}
"""Kinds of which the manager may read one object, and has to ask for it by name."""


class Copies(Protocol):
    """Where copies of installed objects are found."""

    def find(self, kind: Kind, key: ObjectKey) -> Object | None:
        """Return the copy of an installed object, None if there is none."""


class NoCopies:
    """No copies, for who watches nothing and asks the API server each time."""

    def find(self, _kind: Kind, _key: ObjectKey) -> Object | None:
        """Return nothing."""
        return None


class OwnedObjects:
    """Copies of the installed objects and of the claims of NATS, in one namespace.

    ``on_change()`` is called for each difference. Objects that lost our label show up as gone.
    ``announcers`` tell when kinds that come and go are served.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        on_change: Callable[[], None],
        announcers: Mapping[Kind, Announcer],
    ) -> None:
        def changed(_old: Object | None, _new: Object | None) -> None:
            on_change()

        self._installed = {
            kind: Reflector(
                client,
                kind,
                namespace=namespace,
                label_selector=PART_OF_LABEL,
                on_change=changed,
                announcer=announcers.get(kind),
            )
            for kind in INSTALLED_KINDS
        } | {
            kind: Reflector(
                client, kind, namespace=namespace, field_selector=f"metadata.name={name}", on_change=changed
            )
            for kind, name in NAMED_KINDS.items()
        }
        self._claims = Reflector(
            client,
            PVC,
            namespace=namespace,
            label_selector=CLAIM_SELECTOR,
            on_change=changed,
        )

    @property
    def reflectors(self) -> list[Reflector]:
        """The reflectors to be run."""
        return [*self._installed.values(), self._claims]

    def find(self, kind: Kind, key: ObjectKey) -> Object | None:
        """Return the copy of an installed object."""
        reflector = self._installed.get(kind)
        return reflector.get(key) if reflector else None
