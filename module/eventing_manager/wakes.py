"""Tell which change asks for which pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kubeloop.resource import ObjectKey, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventing_manager.act.eventings import Eventings
    from eventing_manager.api.tenancy import Tenancy
    from kubeloop.resource import Object

_READ: Final = ("uid", "generation", "deletionTimestamp", "finalizers", "labels", "annotations")
"""What a pass reads of an Eventing's metadata."""


class Wakes:
    """Ask for passes, and note every change for one who waits for any."""

    def __init__(
        self,
        eventings: Eventings,
        tenancy: Tenancy,
        *,
        enqueue: Callable[[ObjectKey], None],
        note: Callable[[], None] = lambda: None,
    ) -> None:
        self._eventings = eventings
        self._tenancy = tenancy
        self._enqueue = enqueue
        self._note = note

    def eventing_changed(self, old: Object | None, new: Object | None) -> None:
        """Ask for a pass on an Eventing that is not what a pass has read."""
        if old is not None and (new is None or version_of(new) < version_of(old)):
            # It is gone, or the cluster was set back to an earlier day.
            self._eventings.forget(ObjectKey.of(old))
        if new is not None:
            if is_worth_a_pass(old, new):
                self._enqueue(ObjectKey.of(new))
        elif old is not None and self._tenancy.was_holder(ObjectKey.of(old)):
            # The next one may be served now; where there is none, the pass on the one that is gone sees it.
            self._enqueue(ObjectKey.of(old))
            self.everything()

    def served(self) -> None:
        """Ask for a pass on the Eventing that has the backend; the others have nothing that could change."""
        self._note()
        served = self._tenancy.holder()
        if served is not None:
            self._enqueue(served)

    def everything(self) -> None:
        """Ask for a pass on every Eventing."""
        for eventing in self._eventings.all():
            self._enqueue(ObjectKey.of(eventing))


def is_worth_a_pass(old: Object | None, new: Object) -> bool:
    """Tell whether anything changed that a pass reads.

    The status is not: only the manager writes it, and each of its writes would start a pass for nothing.
    """
    return old is None or _read_by_a_pass(old) != _read_by_a_pass(new)


def _read_by_a_pass(eventing: Object) -> list[Any]:
    return [eventing["metadata"].get(field) for field in _READ]
