"""Compare the recordings of a case with both pairs, and name each place where they differ."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hack.parity.recording import Recording

ABSENT = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that the two pairs did not do alike."""

    case: str
    aspect: str
    """``outcome``, ``sequence``, ``object`` or ``events``."""
    subject: str
    """The object, such as ``Manifest case-lamp``, and the path in it; the Event's text."""
    real: str
    builtin: str


def compare(real: Recording, builtin: Recording) -> list[Difference]:
    """Return every difference of a case, in a stable order."""

    def named(aspect: str, found: Iterable[tuple[str, str, str]]) -> Iterator[Difference]:
        for subject, one, other in found:
            yield Difference(case=real.case, aspect=aspect, subject=subject, real=one, builtin=other)

    return [
        *named("outcome", _values({"": real.outcome}, {"": builtin.outcome})),
        *named("sequence", _values(_joined(real.sequences), _joined(builtin.sequences))),
        *named("object", _objects(real.objects, builtin.objects)),
        *named("events", _values(dict.fromkeys(real.events, "said"), dict.fromkeys(builtin.events, "said"))),
    ]


def _values(real: dict[str, str], builtin: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for key in sorted({*real, *builtin}):
        one, other = real.get(key, ABSENT), builtin.get(key, ABSENT)
        if one != other:
            yield key, one, other


def _objects(real: dict[str, Any], builtin: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Compare objects that both have field by field; of any other it is enough that one has it."""
    for ref in sorted({*real, *builtin}):
        if ref in real and ref in builtin:
            yield from _values(_flat(ref, real[ref]), _flat(ref, builtin[ref]))
        else:
            yield ref, "there" if ref in real else ABSENT, "there" if ref in builtin else ABSENT


def _joined(sequences: dict[str, list[str]]) -> dict[str, str]:
    return {ref: " → ".join(steps) for ref, steps in sequences.items()}


def _flat(ref: str, obj: Any) -> dict[str, str]:
    """Turn an object into lines: ``Manifest case-lamp: status.state`` and its value."""
    return {f"{ref}: {path}": str(value) for path, value in _leaves(obj)}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict() if value:
            for key, one in value.items():
                yield from _leaves(one, f"{path}.{key}" if path else key)
        case list() if value:
            for index, one in enumerate(value):
                yield from _leaves(one, f"{path}[{index}]")
        case _:
            yield path, value
