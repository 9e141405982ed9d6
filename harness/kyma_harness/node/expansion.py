"""The `$(NAME)` of commands, arguments, variables and subPathExpr."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:(?P<escaped>\$)|\((?P<name>[^()]+)\))")


def references(text: str) -> list[str]:
    """Return the names that a text refers to by `$(NAME)`."""
    return [found["name"] for found in _REFERENCE.finditer(text) if found["name"]]


def expanded(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by its value; an unknown name stays as written, `$$` becomes one dollar sign."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        return values.get(found["name"], found[0])

    return _REFERENCE.sub(value, text)
