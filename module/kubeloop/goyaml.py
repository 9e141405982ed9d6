"""Read and write YAML as Helm, kubectl and the API server do, which is as Go's libraries do.

Python's own reader takes other plain scalars for numbers, dates and merges, and knows one that Go does not:
a bare ``=``. So whatever is meant for Kubernetes goes through here. The measure is ``sigs.k8s.io/yaml``, the
library that all of them read with: YAML that becomes JSON, by goyaml.v2's idea of what a scalar is.
"""

from __future__ import annotations

import base64
import binascii
import copy
import math
import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Parser: Final = yaml.CLoader if yaml.__with_libyaml__ else yaml.Loader
"""libyaml, of which goyaml.v2 is a port; Python's parser refuses tabs that both take."""

_PREFIX: Final = "tag:yaml.org,2002:"
_RESOLVED: Final = frozenset({"bool", "int", "float", "null"})
"""The tags that a scalar's text is held against; any other, a time's too, makes a string of it."""
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER: Final = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FRACTION: Final = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
"""What begins with a dot is read by other rules for underscores than what begins with a digit."""
_64_BITS: Final = range(-(2**63), 2**64)
_JSON_INTEGERS: Final = 1e21
"""Below it Go writes a float without a fraction as JSON writes an integer."""
_KEY_DIGITS: Final = 6
_FEW_ALIASES, _FEW_NODES = 100, 1000
_SMALL, _LARGE = 400_000, 4_000_000


class YAMLError(ValueError):
    """A text is not YAML that could become JSON; the message names the line and is one line itself."""


def load(text: str | bytes) -> Any:
    """Return the first document of a text, None where there is none."""
    return next(_documents(text), None)


def load_all(text: str | bytes) -> list[Any]:
    """Return every document of a text; one in which nothing stands is None."""
    return list(_documents(text))


def dump(document: Any) -> str:
    """Write a document so that Go and Python read it alike."""
    return dump_all([document])


def dump_all(documents: Iterable[Any]) -> str:
    """Write documents, with a separator between them."""
    written: str = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return written


def _documents(text: str | bytes) -> Iterator[Any]:
    try:
        events = yaml.parse(text, Loader=_Parser)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield _Document(events).read()
    except yaml.YAMLError as error:
        raise YAMLError(_sentence(error)) from None
    except RecursionError:
        raise YAMLError("it is nested too deeply") from None
    except UnicodeError as error:
        raise YAMLError(f"it is not UTF-8: {error}") from None


def _sentence(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"line {mark.line + 1}: {said}" if mark else str(said)


class _Document:
    """One document, read from the parser's events, as goyaml.v2 makes it."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        """What an anchor stands for and of how many nodes it is; None while it is being read."""
        self._flows = 0
        """How deep in brackets and braces we are."""
        self._nodes = 0
        self._by_alias = 0

    def read(self) -> Any:
        """Return what JSON would hold of the document."""
        value = self._value(next(self._events))
        next(self._events)  # its end, before which the parser may find that something is too much
        return _as_json(value)

    def _value(self, event: Any) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before, self._nodes = self._nodes, self._nodes + 1
        if event.anchor:
            self._anchors[event.anchor] = None
        is_flow = bool(getattr(event, "flow_style", False))
        self._flows += is_flow
        match event:
            case yaml.MappingStartEvent():
                value: Any = self._mapping()
            case yaml.SequenceStartEvent():
                value = self._sequence()
            case _:
                value = self._scalar(event)
        self._flows -= is_flow
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _scalar(self, event: Any) -> Any:
        if self._flows and not event.style and "?" in event.value:
            # To goyaml it begins a key there, and what stood before it ends in the middle of nothing.
            raise _refusal(event, "did not find expected ',' or '}'")
        return _scalar(event)

    def _sequence(self) -> list[Any]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event))
        return items

    def _mapping(self) -> dict[str, Any]:
        """Read a mapping in its order: of one key the last value counts, also where a merge brings it."""
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if _is_merge(event):
                self._nodes += 1
                for part in _merged(self._value(next(self._events)), event):
                    found |= part
            else:
                key = _key(self._value(event), event)
                found[key] = self._value(next(self._events))
        return found

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _refusal(event, f"unknown anchor '{event.anchor}' referenced")
        stands_for = self._anchors[event.anchor]
        if stands_for is None:
            raise _refusal(event, f"anchor '{event.anchor}' value contains itself")
        value, size = stands_for
        self._nodes += size
        self._by_alias += size
        if self._is_excessive():
            raise _refusal(event, "document contains excessive aliasing")
        return copy.deepcopy(value)

    def _is_excessive(self) -> bool:
        if self._by_alias <= _FEW_ALIASES or self._nodes <= _FEW_NODES:
            return False
        over = min(max(self._nodes - _SMALL, 0) / (_LARGE - _SMALL), 1)
        return self._by_alias / self._nodes > 0.99 - 0.89 * over


def _scalar(event: Any) -> Any:
    if event.tag is None:
        return _resolved(event.value)[1] if event.implicit[0] else event.value
    if event.tag == f"{_PREFIX}binary":
        return _decoded(event)
    tag = event.tag.removeprefix(_PREFIX)
    if tag == event.tag or tag not in _RESOLVED:
        return event.value
    found, value = _resolved(event.value)
    if (found, tag) == ("int", "float"):
        return float(value)
    if found != tag:
        raise _refusal(event, f"cannot decode !!{found} `{event.value}` as a !!{tag}")
    return value


def _resolved(text: str) -> tuple[str, Any]:
    """Return the type that a plain scalar has, and its value."""
    if text in _WORDS:
        value = _WORDS[text]
        return {bool: "bool", float: "float"}.get(type(value), "null"), value
    if text[0] not in ".+-0123456789":
        return "str", text
    if text[0] == ".":
        found = float(text.replace("_", "")) if _FRACTION.fullmatch(text) else math.inf
    else:
        digits = text.replace("_", "")
        if (integer := _as_integer(digits)) is not None:
            return "int", integer
        found = float(digits) if _FLOAT.fullmatch(digits) else math.inf
    return ("str", text) if math.isinf(found) else ("float", found)


def _as_integer(text: str) -> int | None:
    matched = _INTEGER.fullmatch(text)
    if matched is None:
        return None
    sign, *digits = matched.groups()
    value = next(
        int(number, base) for number, base in zip(digits, (16, 8, 2, 10), strict=True) if number is not None
    )
    value = -value if sign == "-" else value
    # An unsigned one is written without a sign.
    return value if value in _64_BITS and (value < 2**63 or not sign) else None


def _decoded(event: Any) -> str:
    try:
        return base64.b64decode("".join(event.value.split()), validate=True).decode(errors="replace")
    except binascii.Error:
        raise _refusal(event, "!!binary value contains invalid base64 data") from None


def _is_merge(event: Any) -> bool:
    return (
        isinstance(event, yaml.ScalarEvent)
        and event.value == "<<"
        and (event.implicit[0] or event.tag == f"{_PREFIX}merge")
    )


def _merged(value: Any, event: Any) -> list[dict[str, Any]]:
    """Return what a merge brings, the part that counts last."""
    parts = list(reversed(value)) if isinstance(value, list) else [value]
    if not all(isinstance(part, dict) for part in parts):
        raise _refusal(event, "map merge requires map or sequence of maps as the value")
    return parts


def _key(value: Any, event: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if value < 2**63:
            return str(value)
        case float():
            return _float_key(value)
        case _:
            raise _refusal(event, f"a {type(value).__name__} cannot be a key in JSON")


def _float_key(value: float) -> str:
    """Write a key as Go does: with as few digits as tell one 32-bit float from the next."""
    if not math.isfinite(value):
        return {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
    rounded = _in_32_bits(value)
    if math.isinf(rounded):
        return _float_key(rounded)
    digits = next(
        text
        for text in (f"{rounded:.{places}e}" for places in range(10))
        if _in_32_bits(float(text)) == rounded
    )
    exponent = int(digits.partition("e")[2])
    return digits if exponent < -4 or exponent >= _KEY_DIGITS else f"{Decimal(digits):f}"  # noqa: PLR2004


def _in_32_bits(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _as_json(value: Any) -> Any:
    """Return a value as it comes out of JSON that Go wrote, where 1.0 and 1e3 are integers."""
    match value:
        case dict():
            return {key: _as_json(one) for key, one in value.items()}
        case list():
            return [_as_json(one) for one in value]
        case float() if not math.isfinite(value):
            raise YAMLError(f"JSON has no number {value}")
        case float() if value.is_integer() and abs(value) < _JSON_INTEGERS:
            return int(Decimal(repr(value)))
        case _:
            return value


def _refusal(event: Any, said: str) -> YAMLError:
    return YAMLError(f"line {event.start_mark.line + 1}: {said}")


class _Dumper(yaml.SafeDumper):
    """Quote what either of Go and Python would not take for the text that it is."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - a hook
        return True

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0] and isinstance(value, str):
            found, _ = _resolved(value)
            if found != "str":
                return f"{_PREFIX}{found}"
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
