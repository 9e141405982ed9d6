"""How long a container that keeps ending waits for its next start."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class RestartBackoff:
    """At once the first time, then `first` seconds, doubling up to `longest`; forgiven after a long run."""

    first: float
    longest: float
    forgiven_after: float
    _next: float = 0.0

    def delay(self, *, ran_for: float) -> float:
        """Return the seconds to wait now; `ran_for` is how long the container ran before it ended."""
        if ran_for >= self.forgiven_after:
            self._next = 0.0
        delay = self._next
        self._next = min(max(self.first, 2 * delay), self.longest)
        return delay

    def reset(self) -> None:
        """Forgive everything: what is to be started has changed."""
        self._next = 0.0
