"""Fill in what is expected of an object, to compare it with what is."""

from collections.abc import Mapping, Sequence
from typing import Any

from kyma_harness.wait.difference import ANY, differences

__all__ = ["ANY", "differences", "filled"]


def filled(pattern: Any, values: Mapping[str, str]) -> Any:
    """Replace each ``{key}`` in the strings of a nested structure."""
    if isinstance(pattern, str):
        for key, value in values.items():
            pattern = pattern.replace(f"{{{key}}}", value)
        return pattern
    if isinstance(pattern, Mapping):
        return {key: filled(value, values) for key, value in pattern.items()}
    if isinstance(pattern, Sequence):
        return [filled(value, values) for value in pattern]
    return pattern
