"""Take out of objects and texts what nobody but the cluster may know."""

import copy
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from kubeloop.resource import Object

T = TypeVar("T")
HIDDEN = "<redacted>"
SHORTEST = 8
"""Characters from which on a secret's value is looked for in texts."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NAME = re.compile(r"(?i)(passw|secret|token|credential|private.?key|api.?key|access.?key|auth$)")
_TEXTS = (
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),  # a JSON web token
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user and password in a URL
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
)


def redacted(obj: Object) -> Object:
    """Return a copy without secret values, and without ``managedFields``, which nobody reads."""
    shown = copy.deepcopy(obj)
    metadata = shown.get("metadata", {})
    metadata.pop("managedFields", None)
    if shown.get("kind") == "Secret":
        (metadata.get("annotations") or {}).pop(LAST_APPLIED, None)
        for field in ("data", "stringData"):
            if shown.get(field):
                shown[field] = {key: _hidden(value) for key, value in shown[field].items()}
    cleaned: Object = _without_secret_values(shown)
    return cleaned


def secret_values(objects: Iterable[Object]) -> frozenset[str]:
    """Return what no text may say: the values of these objects that are Secrets, encoded and in the clear.

    One that is short, or a part of the name of something in the cluster, as a user often is, says nothing and
    would only make holes.
    """
    known = list(objects)
    names = {str(obj["metadata"].get(key)) for obj in known for key in ("name", "namespace")}
    encoded = [
        value for obj in known if obj["kind"] == "Secret" for value in (obj.get("data") or {}).values()
    ]
    clear = [_decoded(value) for value in encoded]
    return frozenset(
        one for one in (*encoded, *clear) if len(one) >= SHORTEST and not any(one in name for name in names)
    )


def without(values: Iterable[str], anything: T) -> T:
    """Return a text, or data with texts in it, without these values and without what redacted_text() hides.

    Data are mappings, lists, tuples and dataclasses. The longest value goes first: another may begin it.
    """
    ordered = sorted(values, key=len, reverse=True)

    def clean(text: str) -> str:
        for value in ordered:
            text = text.replace(value, HIDDEN)
        return redacted_text(text)

    cleaned: T = _mapped(clean, anything)
    return cleaned


def redacted_text(text: str) -> str:
    """Return a text, such as a log, without tokens, private keys and passwords in URLs."""
    for pattern in _TEXTS:
        text = pattern.sub(HIDDEN, text)
    return text


def _mapped(change: Callable[[str], str], anything: Any) -> Any:
    """Return data in which every text is changed; what is not data stays as it is."""
    match anything:
        case str():
            return change(anything)
        case Mapping():
            return {key: _mapped(change, one) for key, one in anything.items()}
        case list():
            return [_mapped(change, one) for one in anything]
        case tuple():
            parts = [_mapped(change, one) for one in anything]
            return anything._make(parts) if hasattr(anything, "_make") else tuple(parts)
    if is_dataclass(anything) and not isinstance(anything, type):
        return replace(
            anything, **{one.name: _mapped(change, getattr(anything, one.name)) for one in fields(anything)}
        )
    return anything


def _without_secret_values(value: Any) -> Any:
    """Hide the literal value of each environment variable whose name says that it is secret."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and "value" in value and _NAME.search(value["name"]):
            value = {**value, "value": HIDDEN}
        return {key: _without_secret_values(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_secret_values(one) for one in value]
    return redacted_text(value) if isinstance(value, str) else value


def _decoded(value: str) -> str:
    try:
        return b64decode(value).decode().strip()
    except ValueError:
        return ""


def _hidden(value: Any) -> str:
    return f"{HIDDEN[:-1]}, {len(str(value))} characters>"
