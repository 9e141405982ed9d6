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

_TEMPLATE: Final = ("f:template", "f:metadata")
"""Where an object has that of the pods it makes; their annotations are notes, too, of a restart above all."""

ManagedFields = list[dict[str, Any]]


def taken_over(
    managed_fields: Sequence[dict[str, Any]], field_manager: str, api_version: str
) -> ManagedFields | None:
    """Return ``metadata.managedFields`` with the content of an object all ours, None where it is.

    ``api_version`` is that of an object which we have never applied.
    """
    entries = copy.deepcopy(list(managed_fields))
    ours = next((entry for entry in entries if _is_ours(entry, field_manager)), None)
    if ours is None:
        ours = _new_entry(field_manager, api_version)
    seized = [_seize(entry) for entry in entries if entry is not ours and not entry.get("subresource")]
    if not any(seized):
        return None
    for fields in seized:
        _unite(ours["fieldsV1"], fields)
    others = [entry for entry in entries if entry is not ours and entry["fieldsV1"]]
    return [ours, *others]


def _is_ours(entry: dict[str, Any], field_manager: str) -> bool:
    return (
        entry["manager"] == field_manager and entry["operation"] == "Apply" and not entry.get("subresource")
    )


def _new_entry(field_manager: str, api_version: str) -> dict[str, Any]:
    return {
        "manager": field_manager,
        "operation": "Apply",
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    }


def _seize(entry: dict[str, Any]) -> dict[str, Any]:
    """Remove from an entry what it sets of an object's content, and return that."""
    fields = entry["fieldsV1"]
    content = {name: fields[name] for name in fields.keys() - _LEFT_ALONE}
    seized, left = _split(content, ())
    entry["fieldsV1"] = {name: inner for name, inner in fields.items() if name in _LEFT_ALONE} | left
    return seized


def _split(fields: dict[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what of a set of fields is content, and what are notes on pods that are to be made."""
    seized: dict[str, Any] = {}
    left: dict[str, Any] = {}
    for name, inner in fields.items():
        if name == "f:annotations" and path[-2:] == _TEMPLATE:
            left[name] = inner
            continue
        content, notes = _split(inner, (*path, name))
        if content or not notes:
            seized[name] = content
        if notes:
            left[name] = notes
    return seized, left


def _unite(fields: dict[str, Any], others: dict[str, Any]) -> None:
    """Add sets of fields to others, in place; a leaf is an empty set."""
    for name, inner in others.items():
        _unite(fields.setdefault(name, {}), inner)
