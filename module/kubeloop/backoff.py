"""Say how long to wait before trying again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Double the wait with each failure in a row."""

    base: float = 0.1
    """Seconds before the first retry."""

    maximum: float = 60.0
    """Seconds which a wait never exceeds, jitter aside."""

    jitter: float = 0.2
    """Share of the wait that is added at random: those who failed together must not come back together."""

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, counted from 1."""
        # The exponent is bounded, as 2.0 ** 1024 is an OverflowError.
        wait = min(self.base * 2.0 ** min(failures - 1, 64), self.maximum)
        return wait * (1 + self.jitter * random.random())  # noqa: S311 - spreads load, keeps no secret
