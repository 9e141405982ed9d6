"""Decide which Eventing is served: there is one backend, so there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.resource import ObjectKey, has_finalizer
from eventing_manager.names import FINALIZER

if TYPE_CHECKING:
    from collections.abc import Collection

    from controller.resource import Object


class Tenancy:
    """Keep the Eventing served that was served first, until it is gone.

    After a restart the finalizer tells who that was. Until then memory does, because a cache may not show a
    finalizer yet that was just written.
    """

    def __init__(self) -> None:
        self._holder: ObjectKey | None = None

    def holder(self, eventings: Collection[Object]) -> ObjectKey | None:
        """Return the key of the Eventing that is served among all there are."""
        if self._holder not in {ObjectKey.of(eventing) for eventing in eventings}:
            self._holder = first_served(eventings)
        return self._holder


def first_served(eventings: Collection[Object]) -> ObjectKey | None:
    """Return the oldest Eventing with our finalizer, else the oldest of all."""
    claimed = [eventing for eventing in eventings if has_finalizer(eventing, FINALIZER)]
    oldest = min(claimed or eventings, key=_age, default=None)
    return ObjectKey.of(oldest) if oldest else None


def _age(eventing: Object) -> tuple[str, ObjectKey]:
    return eventing["metadata"].get("creationTimestamp", ""), ObjectKey.of(eventing)
