"""Decide which Eventing is served: there is one backend, so there is one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from eventing_manager.api.names import FINALIZER
from eventing_manager.api.status import ConditionType, Reason, conditions_of
from kubeloop.resource import ObjectKey, has_finalizer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kubeloop.resource import Object

_WAITING: Final = frozenset(
    {Reason.ANOTHER_IS_SERVED, Reason.NAMESPACE_NOT_SERVED, Reason.HANDED_OVER, Reason.MODULE_LEAVES}
)
"""The reasons of an Eventing that was never served."""


class Known(Protocol):
    """The Eventings that there are."""

    def get(self, key: ObjectKey) -> Object | None:
        """Return an Eventing, None where there is none."""

    def all(self) -> list[Object]:
        """Return every Eventing."""


class Place(Enum):
    """Where an Eventing stands among all of them."""

    SERVED = "it has the backend"
    BEHIND = "another one has it"
    OUTSIDE = "its namespace is not served"
    NEXT = "it gets the backend soon"
    LEAVING = "the module is being removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An Eventing's place, with what it waits for."""

    place: Place
    served: ObjectKey | None = None
    seconds: float = 0.0
    """Until it is served, if the module stays."""


class Tenancy:
    """Keep the Eventing served that was served first, until it is gone.

    What is written of it tells who that is, also to one who takes over. Until it is written memory does: two
    that come in the same moment must not both be taken for the first.

    The next one has to wait for ``delay`` seconds: where the module is removed, its own Eventing goes first,
    and whatever was begun for another one then would be left behind.
    """

    def __init__(
        self,
        eventings: Known,
        *,
        namespaces: Collection[str] = (),
        delay: float = 0.0,
        clock: Callable[[], float] = lambda: 0.0,
        leaves: Callable[[], bool] = lambda: False,
    ) -> None:
        self._eventings = eventings
        self._namespaces = frozenset(namespaces)
        self._delay = delay
        self._clock = clock
        self._leaves = leaves
        self._holder: ObjectKey | None = None
        self._vacant_since: float | None = None

    def standing(self, key: ObjectKey) -> Standing:
        """Return where an Eventing stands."""
        holder = self.holder()
        if holder == key:
            return Standing(place=Place.SERVED, served=key)
        if not self._serves(key):
            return Standing(place=Place.OUTSIDE, served=holder)
        if holder is not None:
            return Standing(place=Place.BEHIND, served=holder)
        if self._leaves():
            return Standing(place=Place.LEAVING)
        return Standing(place=Place.NEXT, seconds=self._remaining())

    def holder(self) -> ObjectKey | None:
        """Return the key of the Eventing that is served, None where there is none."""
        # Each of those that wait asks: it must cost nothing while the served one is there.
        holder = self._eventings.get(self._holder) if self._holder else None
        if holder is None or not has_finalizer(holder, FINALIZER):
            self._holder = self._choose(holder)
        return self._holder

    def was_holder(self, key: ObjectKey) -> bool:
        """Tell whether an Eventing that is gone was the one that was served."""
        return key == self._holder

    def _choose(self, chosen: Object | None) -> ObjectKey | None:
        eventings = self._eventings.all()
        claimed = first_served([one for one in eventings if was_served(one)])
        if claimed is not None or chosen is not None:
            self._vacant_since = None
            return claimed or ObjectKey.of(chosen or {})
        if self._holder is not None:
            self._vacant_since = self._clock()
        if self._leaves() or self._remaining() > 0:
            return None
        served = [one for one in eventings if self._serves(ObjectKey.of(one))]
        return first_served(served)

    def _remaining(self) -> float:
        if self._vacant_since is None:
            return 0.0
        return max(self._vacant_since + self._delay - self._clock(), 0.0)

    def _serves(self, key: ObjectKey) -> bool:
        return not self._namespaces or key.namespace in self._namespaces


def was_served(eventing: Object) -> bool:
    """Tell whether an Eventing was ever served.

    The finalizer alone does not say so: whoever makes an Eventing may write it. The status is the manager's.
    """
    if not has_finalizer(eventing, FINALIZER):
        return False
    return any(
        found.type == ConditionType.READY and found.reason not in _WAITING
        for found in conditions_of(eventing)
    )


def first_served(eventings: Collection[Object]) -> ObjectKey | None:
    """Return the oldest of some Eventings, None where there is none."""
    oldest = min(eventings, key=_age, default=None)
    return ObjectKey.of(oldest) if oldest else None


def _age(eventing: Object) -> tuple[str, ObjectKey]:
    return eventing["metadata"].get("creationTimestamp", ""), ObjectKey.of(eventing)
