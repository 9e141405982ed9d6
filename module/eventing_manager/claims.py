"""The volumes that NATS leaves behind: retained, or removed with what is in them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from controller.errors import NotFoundError
from controller.kinds import PERSISTENT_VOLUME_CLAIM
from controller.resource import ObjectKey, is_deleting, uid_of
from eventing_manager.names import NATS_CLAIM_LABELS
from eventing_manager.spec import ReclaimPolicy, provisioned_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.client import Client
    from controller.resource import Object
    from eventing_manager.spec import EventingSpec

CLAIM_SELECTOR = ",".join(f"{label}={value}" for label, value in NATS_CLAIM_LABELS.items())


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
        found = await self._client.list(
            PERSISTENT_VOLUME_CLAIM, namespace=self._namespace, label_selector=CLAIM_SELECTOR
        )
        return found.items

    async def delete(self, claims: list[Object]) -> None:
        """Ask for the deletion of claims; they go when no pod uses them any more."""
        for claim in claims:
            if not is_deleting(claim):
                await self._delete(claim)

    async def _delete(self, claim: Object) -> None:
        key = ObjectKey.of(claim)
        with contextlib.suppress(NotFoundError):
            await self._client.delete(
                PERSISTENT_VOLUME_CLAIM, key.name, namespace=key.namespace, uid=uid_of(claim)
            )
            self._on_prune(claim)


def reclaim_policy(eventing: Object, spec: EventingSpec) -> ReclaimPolicy:
    """Return what is to become of the volumes now that NATS is not wanted.

    An Eventing that never provisioned NATS has no say over volumes that another left. One that did, and whose
    spec no longer speaks of nats, meant what it said when it last did.
    """
    provisioned = provisioned_spec(eventing)
    if provisioned is None or not provisioned.nats.storage.is_volume:
        return ReclaimPolicy.RETAIN
    return (spec if spec.nats_given else provisioned).nats.storage.reclaim_policy
