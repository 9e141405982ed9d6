"""Tell which changes of an Eventing are worth a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeloop.resource import Object

_WATCHED = ("uid", "generation", "deletionTimestamp", "finalizers", "labels", "annotations")


def is_worth_a_pass(old: Object | None, new: Object) -> bool:
    """Tell whether anything changed that a pass reads.

    The status is not: only the manager writes it, and each of its writes would start a pass for nothing.
    """
    return old is None or _read_by_a_pass(old) != _read_by_a_pass(new)


def _read_by_a_pass(eventing: Object) -> list[Any]:
    return [eventing["metadata"].get(field) for field in _WATCHED]
