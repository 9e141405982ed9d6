"""Watch what belongs to the manager: copies to decide by, whose changes start a pass.

What may be ours is a closed set of kinds, names and one namespace: the chart can bring nothing else, and the
manager's Role names the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from eventing_manager import __version__
from eventing_manager.api.names import CLAIMS, MANAGER, NATS_SECRET, SERVERS_LABEL
from eventing_manager.observe.kinds import OPTIONAL_KINDS
from kubeloop.applyset import PART_OF_LABEL, ApplySet, Scope, applyset_id
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
from kubeloop.resource import ObjectKey, describe, generation_of, is_deleting, labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubeloop.client import Client
    from kubeloop.reflector import Announcer
    from kubeloop.resource import Kind, Object

INSTALLED_KINDS: Final = (
    CONFIG_MAP,
    SERVICE,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    STATEFUL_SET,
    *(optional.kind for optional in OPTIONAL_KINDS),
)
"""What the chart may make beside the Secret."""

NAMED_KINDS: Final = {SECRET: NATS_SECRET}
"""Kinds of which the manager may read one object, and has to ask for it by name."""


def scope_of(namespace: str) -> Scope:
    """Return where objects of ours can be, whatever annotations say."""
    return Scope(
        kinds=(*INSTALLED_KINDS, *NAMED_KINDS),
        namespaces=(namespace,),
        names={kind.group_kind: name for kind, name in NAMED_KINDS.items()},
    )


def applyset_of(
    client: Client,
    eventing: Object,
    namespace: str,
    *,
    on_prune: Callable[[Object], None] = lambda _obj: None,
) -> ApplySet:
    """Return the set of what is installed for an Eventing."""
    return ApplySet(
        client,
        eventing,
        tooling=f"{MANAGER}/v{__version__}",
        scope=scope_of(namespace),
        on_prune=on_prune,
    )


class Copies(Protocol):
    """Where copies of what is ours are found; each may be late."""

    def find(self, kind: Kind, key: ObjectKey) -> Object | None:
        """Return the copy of an installed object, None if there is none."""

    def members(self, eventing: Object) -> list[Object]:
        """Return the copies of what is installed for an Eventing."""

    def claims(self) -> list[Object]:
        """Return the copies of the claims of NATS."""


class NoCopies:
    """No copies, for who watches nothing and asks the API server each time."""

    def find(self, _kind: Kind, _key: ObjectKey) -> Object | None:
        """Return nothing."""
        return None

    def members(self, _eventing: Object) -> list[Object]:
        """Return nothing."""
        return []

    def claims(self) -> list[Object]:
        """Return nothing."""
        return []


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
                required=kind not in announcers,
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
            label_selector=SERVERS_LABEL,
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

    def members(self, eventing: Object) -> list[Object]:
        """Return the copies of what is installed for an Eventing."""
        part_of = applyset_id(eventing)
        return [
            {**obj, "apiVersion": kind.api_version, "kind": kind.kind}
            for kind, reflector in self._installed.items()
            for obj in reflector.all()
            if labels_of(obj).get(PART_OF_LABEL) == part_of
        ]

    def claims(self) -> list[Object]:
        """Return the copies of the claims of NATS."""
        return ours(self._claims.all())


async def existing_claims(client: Client, namespace: str) -> list[Object]:
    """Return the claims of NATS that there are, as the API server knows them now."""
    found = await client.list(PVC, namespace=namespace, label_selector=SERVERS_LABEL)
    return ours(found.items)


def ours(claims: list[Object]) -> list[Object]:
    """Return those claims which the StatefulSet makes: copies of them bear the label under other names."""
    return [claim for claim in claims if ObjectKey.of(claim).name in CLAIMS]


def unready_reason(statefulset: Object) -> str | None:
    """Return what a StatefulSet still waits for, in a sentence that names it; None when it is ready."""
    if is_deleting(statefulset):
        return f"{describe(statefulset)} is being deleted, and comes back"
    lack = _lack(statefulset)
    return f"{describe(statefulset)}: {lack}" if lack is not None else None


def _lack(statefulset: Object) -> str | None:
    status = statefulset.get("status") or {}
    wanted = statefulset["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < generation_of(statefulset):
        return "its controller has not seen the current generation yet"
    if status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)} of {wanted} replicas are up to date"
    if status.get("readyReplicas", 0) < wanted:
        return f"{status.get('readyReplicas', 0)} of {wanted} replicas are ready"
    if status.get("replicas", 0) > wanted:
        return f"{status['replicas'] - wanted} replicas are still to go"
    if status.get("currentRevision") != status.get("updateRevision"):
        return "the roll-out of its current revision is not finished"
    return None
