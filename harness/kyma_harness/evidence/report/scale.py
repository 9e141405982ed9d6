"""Put times on an axis."""

from dataclasses import dataclass

STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
MOST_TICKS = 8
SHORTEST = 0.001


FOLDED = 0.2
"""Of the width: what came before the part that matters has no more."""
APART = 6.0
"""Percent of the width that two ticks are apart at the least."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A window of Unix times, mapped to percents of a width.

    ``turn`` is where the part begins that matters: what comes before it is drawn on a scale of its own, where
    it would take most of the width otherwise, as the set-up of a session's first test does.
    """

    start: float
    end: float
    turn: float | None = None

    def at(self, moment: float) -> float:
        """Return where a moment is, in percent; what is outside the window is at its edge."""
        if (turn := self._folded_at()) is None:
            return _percent(moment, self.start, self.end)
        if moment < turn:
            return round(FOLDED * _percent(moment, self.start, turn), 3)
        return round(100 * FOLDED + (1 - FOLDED) * _percent(moment, turn, self.end), 3)

    def ticks(self) -> list[tuple[float, str]]:
        """Return positions in percent and labels, in seconds since the start of the window."""
        turn = self._folded_at()
        shown = self.end - (turn or self.start)
        step = next((one for one in STEPS if shown / one <= MOST_TICKS), STEPS[-1])
        count = int(max(self.end - self.start, SHORTEST) / step)
        every = [(self.at(self.start + n * step), f"{n * step:g} s") for n in range(count + 1)]
        return (
            [one for n, one in enumerate(every) if n == 0 or one[0] >= 100 * FOLDED + APART]
            if turn
            else every
        )

    def _folded_at(self) -> float | None:
        """Return where the part that matters begins, if what is before it is to be folded."""
        if self.turn is None or not self.start < self.turn < self.end:
            return None
        return self.turn if (self.turn - self.start) / (self.end - self.start) > FOLDED else None


def _percent(moment: float, start: float, end: float) -> float:
    share = (moment - start) / max(end - start, SHORTEST)
    return round(100 * min(max(share, 0.0), 1.0), 3)
