"""Put times on an axis."""

from dataclasses import dataclass

STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
MOST_TICKS = 8
SHORTEST = 0.001


@dataclass(frozen=True, slots=True)
class Scale:
    """A window of Unix times, mapped to percents of a width."""

    start: float
    end: float

    def at(self, moment: float) -> float:
        """Return where a moment is, in percent; what is outside the window is at its edge."""
        share = (moment - self.start) / max(self.end - self.start, SHORTEST)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def ticks(self) -> list[tuple[float, str]]:
        """Return positions in percent and labels, in seconds since the start of the window."""
        length = max(self.end - self.start, SHORTEST)
        step = next((one for one in STEPS if length / one <= MOST_TICKS), STEPS[-1])
        count = int(length / step)
        return [(self.at(self.start + n * step), f"{n * step:g} s") for n in range(count + 1)]
