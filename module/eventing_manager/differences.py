"""Say in a line each how two versions of an object differ."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeloop.resource import Object

_KEPT_BY_THE_SERVER: Final = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}
)
_LIMIT: Final = 120
"""Characters of a value that are shown."""

_NOTHING: Final = object()
_CONTENT: Final[tuple[str, ...]] = ("data", "stringData")
_UNSHOWN: Final = "a value that is not shown"


@dataclass(frozen=True, slots=True)
class _Hidden:
    """A value that is compared and never shown."""

    value: Any


def differences(old: Object, new: Object) -> list[str]:
    """Return a line for each field that differs, without the status and what the API server counts."""
    return [_line(path, before, after) for path, before, after in _walk(_own(old), _own(new), "")]


def _own(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _KEPT_BY_THE_SERVER}
    own = {**obj, "metadata": metadata, "status": None}
    return _covered(own) if obj["kind"] == "Secret" else own


def _covered(secret: Object) -> Object:
    """Return a Secret whose values are hidden; tools copy them into annotations."""
    content = {field: _hidden(secret[field]) for field in _CONTENT if field in secret}
    metadata = dict(secret["metadata"])
    if "annotations" in metadata:
        metadata["annotations"] = _hidden(metadata["annotations"])
    return {**secret, **content, "metadata": metadata}


def _hidden(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _Hidden(value) for key, value in content.items()}
    return None if content is None else _Hidden(content)


def _walk(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    old, new = _by_name(old), _by_name(new)
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield path, old, new
        return
    for key in sorted(old.keys() | new.keys(), key=str):
        inner = f"{path}.{key}" if path else str(key)
        yield from _walk(old.get(key, _NOTHING), new.get(key, _NOTHING), inner)


def _by_name(value: Any) -> Any:
    """Return a list as a mapping, so that one more item is not a difference of all behind it."""
    if not isinstance(value, list):
        return value
    names = [item.get("name") if isinstance(item, dict) else None for item in value]
    if all(names) and len(set(names)) == len(names):
        return dict(zip(names, value, strict=True))
    return dict(enumerate(value))


def _line(path: str, before: Any, after: Any) -> str:
    if isinstance(before, _Hidden) and isinstance(after, _Hidden):
        return f"{path}: another value, which is not shown"
    if before is _NOTHING:
        return f"{path}: {_shown(after)} is added"
    if after is _NOTHING:
        return f"{path}: {_shown(before)} is removed"
    return f"{path}: {_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    if isinstance(value, _Hidden):
        return _UNSHOWN
    is_plain = isinstance(value, str) and "\n" not in value
    text = value if is_plain else json.dumps(value, sort_keys=True, default=_shown)
    return text if len(text) <= _LIMIT else f"{text[: _LIMIT - 3]}..."
