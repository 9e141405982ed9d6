"""Read the annotation by which a user gives messages up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from eventing_manager.names import FORCE_ANNOTATION
from kubeloop.resource import annotations_of

if TYPE_CHECKING:
    from kubeloop.resource import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Force:
    """Whether the look for messages is to be skipped, and what to say of the annotation."""

    applies: bool
    note: str = ""


def force_of(eventing: Object, now: datetime) -> Force:
    """Return what the annotation asks for: ``true`` skips the look, a time of RFC 3339 does from then on.

    Anything else forces nothing.
    """
    value = annotations_of(eventing).get(FORCE_ANNOTATION, "false")
    if value == "true":
        return Force(applies=True, note=f"the annotation {FORCE_ANNOTATION} skips the look for messages")
    if value == "false":
        return Force(applies=False)
    deadline = _time(value)
    if deadline is None:
        return Force(
            applies=False,
            note=f"the annotation {FORCE_ANNOTATION} has no effect: {value!r} is neither true"
            " nor a time such as 2022-12-24T18:00:00Z",
        )
    if now < deadline:
        return Force(applies=False, note=f"the annotation {FORCE_ANNOTATION} gives them up from {value} on")
    return Force(
        applies=True, note=f"the annotation {FORCE_ANNOTATION} skips the look for messages since {value}"
    )


def _time(value: str) -> datetime | None:
    """Return a point in time, None for what is none, which one without a time zone is not."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
