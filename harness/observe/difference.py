"""Say where an object lacks or contradicts what is expected of it."""

from typing import Any


def differences(pattern: Any, actual: Any, path: str = "") -> list[str]:
    """Return a phrase for each place that differs; mappings may hold more than the pattern, lists may not."""
    if isinstance(pattern, dict) and isinstance(actual, dict):
        return [
            phrase
            for key, value in pattern.items()
            for phrase in differences(value, actual.get(key), f"{path}.{key}".lstrip("."))
        ]
    if isinstance(pattern, list) and isinstance(actual, list) and len(pattern) == len(actual):
        pairs = enumerate(zip(pattern, actual, strict=True))
        return [phrase for at, (one, other) in pairs for phrase in differences(one, other, f"{path}[{at}]")]
    return [] if pattern == actual else [f"{path} is {actual!r}, not {pattern!r}"]
