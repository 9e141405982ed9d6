"""One thing that nobody owns any more."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What it is, and how it is removed."""

    kind: str
    what: str
    remove: Callable[[], Awaitable[bool]]
    """Removes it, after another look at whether anybody owns it by now: false then, and nothing is done."""
