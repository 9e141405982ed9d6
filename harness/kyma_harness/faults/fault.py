"""What may go wrong with one call."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Moment(StrEnum):
    """When a call is cut off."""

    BEFORE = "before"
    """The API server never sees it."""

    AFTER = "after"
    """The API server has done it, and the answer is lost: the caller cannot know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Answer with an error in the API server's stead."""

    status: int
    reason: str
    retry_after: int | None = None
    """Seconds, in the header and in the Status object."""

    def __str__(self) -> str:
        """Name it by its status."""
        return f"{self.status} {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Cut the connection."""

    moment: Moment = Moment.BEFORE

    def __str__(self) -> str:
        """Say when."""
        return f"cut {self.moment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Let the call through late: ``seconds`` beyond the caller's patience is a timeout."""

    seconds: float

    def __str__(self) -> str:
        """Say how late."""
        return f"{self.seconds:g} s late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Kill the process that the proxy was given, and cut the connection."""

    moment: Moment = Moment.BEFORE

    def __str__(self) -> str:
        """Say when."""
        return f"kill {self.moment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWatch:
    """Let a watch begin, and cut it after some seconds, in the middle of a line or not."""

    after: float

    def __str__(self) -> str:
        """Say when."""
        return f"watch cut after {self.after:g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """Tell a watch that its resource version is too old: an ERROR event with 410 Gone."""

    def __str__(self) -> str:
        """Name it as the API server does."""
        return "410 Expired"


Fault = Refuse | Cut | Delay | Kill | EndWatch | Expire

CONFLICT: Final = Refuse(status=409, reason="Conflict")
TOO_MANY_REQUESTS: Final = Refuse(status=429, reason="TooManyRequests", retry_after=1)
INTERNAL_ERROR: Final = Refuse(status=500, reason="InternalError")
UNAVAILABLE: Final = Refuse(status=503, reason="ServiceUnavailable")
