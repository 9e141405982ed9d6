"""Say where an object lacks or contradicts what is expected of it."""

from collections.abc import Mapping, Sequence
from typing import Any

ANY = "*"
"""Stands for any value at all, as long as there is one."""


def differences(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Return one phrase for each place where ``actual`` lacks or contradicts ``expected``.

    A mapping may hold more than is expected of it; anything else has to be equal.
    """
    if expected == ANY:
        return [] if actual is not None else [f"{path} is not set"]
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return [
            phrase
            for key, value in expected.items()
            for phrase in differences(value, actual.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(expected, Sequence) and isinstance(actual, Sequence) and len(expected) == len(actual):
        if isinstance(expected, str):
            return [] if expected == actual else [f"{path} is {actual!r}, not {expected!r}"]
        return [
            phrase
            for index, (one, other) in enumerate(zip(expected, actual, strict=True))
            for phrase in differences(one, other, f"{path}[{index}]")
        ]
    return [] if expected == actual else [f"{path} is {actual!r}, not {expected!r}"]
