"""Take over what others set on an object that is ours.

Server-side apply by force resets the fields that we name, and leaves alone what others added beside them: a
container, a port, a key of a ConfigMap. Once such a field counts as ours, the next apply removes it, as it
does with every field of ours that we name no longer.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEFT_ALONE: Final = frozenset({"f:metadata", "f:status"})
"""Labels and annotations are where others may leave notes, and a status is theirs to write."""

ManagedFields = list[dict[str, Any]]


def taken_over(managed_fields: Sequence[dict[str, Any]], field_manager: str) -> ManagedFields | None:
    """Return ``metadata.managedFields`` with the content of an object all ours, None where it is."""
    entries = copy.deepcopy(list(managed_fields))
    ours = next((entry for entry in entries if _is_ours(entry, field_manager)), None)
    if ours is None:
        return None
    seized = [_seize(entry) for entry in entries if entry is not ours and not entry.get("subresource")]
    if not any(seized):
        return None
    for fields in seized:
        _unite(ours["fieldsV1"], fields)
    return [entry for entry in entries if entry["fieldsV1"]]


def _is_ours(entry: dict[str, Any], field_manager: str) -> bool:
    return (
        entry["manager"] == field_manager and entry["operation"] == "Apply" and not entry.get("subresource")
    )


def _seize(entry: dict[str, Any]) -> dict[str, Any]:
    """Remove from an entry what it sets of an object's content, and return that."""
    fields = entry["fieldsV1"]
    return {name: fields.pop(name) for name in fields.keys() - _LEFT_ALONE}


def _unite(fields: dict[str, Any], others: dict[str, Any]) -> None:
    """Add sets of fields to others, in place; a leaf is an empty set."""
    for name, inner in others.items():
        _unite(fields.setdefault(name, {}), inner)
