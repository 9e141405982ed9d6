"""The volumes that NATS leaves behind: retained, or removed with what is in them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from eventing_manager.names import SERVERS_LABEL
from eventing_manager.spec import ReclaimPolicy, provisioned_spec
from kubeloop.errors import NotFoundError
from kubeloop.kinds import PVC
from kubeloop.resource import ObjectKey, describe, is_deleting, labels_of, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventing_manager.spec import EventingSpec, NatsSettings
    from kubeloop.client import Client
    from kubeloop.resource import Object

CLAIM_SELECTOR: Final = SERVERS_LABEL


class Claims:
    """The PersistentVolumeClaims of the StatefulSet of NATS.

    Kubernetes leaves them when the StatefulSet goes, which is wanted: one deleted by hand comes back with its
    messages. So it falls to the manager to remove them with the backend.
    """

    def __init__(
        self, client: Client, namespace: str, *, on_prune: Callable[[Object], None] = lambda _obj: None
    ) -> None:
        self._client = client
        self._on_prune = on_prune
        self._namespace = namespace

    async def existing(self) -> list[Object]:
        """Return the claims there are, as the API server knows them now."""
        found = await self._client.list(PVC, namespace=self._namespace, label_selector=CLAIM_SELECTOR)
        return found.items

    async def delete(self, claims: list[Object]) -> None:
        """Ask for the deletion of claims; they go when no pod uses them any more."""
        for claim in claims:
            if not is_deleting(claim):
                await self._delete(claim)

    async def _delete(self, claim: Object) -> None:
        key = ObjectKey.of(claim)
        with contextlib.suppress(NotFoundError):
            await self._client.delete(PVC, key.name, namespace=key.namespace, uid=uid_of(claim))
            self._on_prune(claim)


def has_volume(claim: Object) -> bool:
    """Tell whether there is anything that messages can be on."""
    return bool(claim["spec"].get("volumeName"))


def ordinal_of(claim: Object) -> int:
    """Return which server a claim is for: StatefulSets end its name with that."""
    return int(ObjectKey.of(claim).name.rpartition("-")[2])


def is_labelled_for(claim: Object, nats: NatsSettings) -> bool:
    """Tell whether a claim, or the template of one, is for as many servers."""
    return labels_of(claim).get(SERVERS_LABEL) == str(nats.replicas)


def unfit(claims: Sequence[Object], nats: NatsSettings) -> list[Object]:
    """Return the claims by whose names NATS would find the messages of another number of servers.

    Servers that form a cluster delete the streams of one that stood alone; fewer servers miss what the
    others have, and cannot be asked for it.
    """
    if not nats.storage.is_volume:
        return []
    return [claim for claim in claims if not is_deleting(claim) and not is_labelled_for(claim, nats)]


def misfit(claims: Sequence[Object], nats: NatsSettings) -> str:
    """Say in a sentence why claims are unfit, and what to do."""
    names = ", ".join(describe(claim) for claim in claims)
    servers = " or ".join(sorted({labels_of(claim).get(SERVERS_LABEL, "") for claim in claims}))
    return (
        f"{names}: left by a NATS with replicas {servers}, and its messages would be lost with replicas"
        f" {nats.replicas}; switch to eventmesh and back with spec.backend.nats.replicas {servers}, or delete"
        " what is named here and lose them"
    )


def reclaim_policy(eventing: Object, spec: EventingSpec) -> ReclaimPolicy:
    """Return what is to become of the volumes now that NATS is not wanted.

    An Eventing that never provisioned NATS has no say over volumes that another left. One that did, and whose
    spec no longer speaks of nats, meant what it said when it last did.
    """
    provisioned = provisioned_spec(eventing)
    if provisioned is None or not provisioned.nats.storage.is_volume:
        return ReclaimPolicy.RETAIN
    return (spec if spec.nats_given else provisioned).nats.storage.reclaim_policy
