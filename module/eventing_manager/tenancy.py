"""Decide which Eventing is served: there is one backend, so there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from eventing_manager.names import FINALIZER
from kubeloop.resource import ObjectKey, has_finalizer

if TYPE_CHECKING:
    from collections.abc import Collection

    from kubeloop.resource import Object


class Known(Protocol):
    """The Eventings that there are."""

    def get(self, key: ObjectKey) -> Object | None:
        """Return an Eventing, None where there is none."""

    def all(self) -> list[Object]:
        """Return every Eventing."""


class Tenancy:
    """Keep the Eventing served that was served first, until it is gone.

    The finalizer tells who that is, also to one who takes over. Until it is written memory does: two that
    come in the same moment must not both be taken for the first.
    """

    def __init__(self, eventings: Known) -> None:
        self._eventings = eventings
        self._holder: ObjectKey | None = None

    def holder(self) -> ObjectKey | None:
        """Return the key of the Eventing that is served, None where there is none at all."""
        # Each of those that wait asks: it must cost nothing while the served one is there.
        holder = self._eventings.get(self._holder) if self._holder else None
        if holder is None or not has_finalizer(holder, FINALIZER):
            self._holder = first_served(self._eventings.all(), chosen=holder)
        return self._holder

    def was_holder(self, key: ObjectKey) -> bool:
        """Tell whether an Eventing that is gone was the one that was served."""
        return key == self._holder


def first_served(eventings: Collection[Object], *, chosen: Object | None = None) -> ObjectKey | None:
    """Return the oldest Eventing with our finalizer, else the one chosen before, else the oldest of all."""
    claimed = [eventing for eventing in eventings if has_finalizer(eventing, FINALIZER)]
    oldest = min(claimed or ([chosen] if chosen else eventings), key=_age, default=None)
    return ObjectKey.of(oldest) if oldest else None


def _age(eventing: Object) -> tuple[str, ObjectKey]:
    return eventing["metadata"].get("creationTimestamp", ""), ObjectKey.of(eventing)
