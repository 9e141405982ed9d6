"""Probes as plain state: when to ask, what an answer means. No I/O, no clock of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Until its first success a starting container is asked again after this long, then ever more slowly, so that
# the answer is never noticed later than a tenth of the time it took.
_FIRST_PAUSE = 0.1
_SLOWER = 1.1


class ProbeKind(StrEnum):
    """What a probe decides."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One probe of a container; times in seconds, with the API's defaults."""

    kind: ProbeKind
    handler: Mapping[str, Any]
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    success_threshold: int = 1
    failure_threshold: int = 3
    grace: int | None = None

    @property
    def hurries(self) -> bool:
        """Whether a success is being waited for: early answers help nobody in a liveness probe."""
        return self.kind is not ProbeKind.LIVENESS


def probe_of(container: Mapping[str, Any], kind: ProbeKind) -> Probe | None:
    """Return the container's probe of a kind, None if it has none."""
    spec = container.get(f"{kind}Probe")
    if not spec:
        return None
    return Probe(
        kind=kind,
        handler=spec,
        initial_delay=spec.get("initialDelaySeconds", 0),
        period=spec.get("periodSeconds", 10),
        timeout=spec.get("timeoutSeconds", 1),
        success_threshold=spec.get("successThreshold", 1),
        failure_threshold=spec.get("failureThreshold", 3),
        grace=spec.get("terminationGracePeriodSeconds"),
    )


class ProbeState:
    """Count answers into a verdict: True, False, or None while there is none yet.

    Before the first verdict True a probe that hurries is asked immediately and often; a failure counts only
    when the author's own schedule (initialDelaySeconds, then every periodSeconds) would have asked too.
    """

    def __init__(self, probe: Probe, *, now: float) -> None:
        self.verdict: bool | None = None
        self._probe = probe
        self._run_of: bool | None = None
        self._run = 0
        self._pause = 0.0
        self._next_counted = now + probe.initial_delay
        self._succeeded = False

    def next_at(self, now: float) -> float:
        """Return when to ask next; `now` is the time at which the last answer came in, or the start."""
        if self._hurrying:
            pause = self._pause
            self._pause = min(pause * _SLOWER, self._probe.period) if pause else _FIRST_PAUSE
            return now + pause
        return max(self._next_counted, now)

    def observe(self, *, success: bool, now: float) -> bool | None:
        """Take in one answer and return the verdict."""
        if counted := self.counts_failures(now):
            self._next_counted = now + self._probe.period
        if success or counted:
            self._count(success=success)
        elif self._run_of:
            self._run_of = None  # no failure yet, but the end of a run of successes
        return self.verdict

    def counts_failures(self, now: float) -> bool:
        """Tell whether the author's own schedule would have asked by now."""
        return now >= self._next_counted

    @property
    def _hurrying(self) -> bool:
        return self._probe.hurries and not self._succeeded

    def _count(self, *, success: bool) -> None:
        self._run = self._run + 1 if success is self._run_of else 1
        self._run_of = success
        threshold = self._probe.success_threshold if success else self._probe.failure_threshold
        if self._run >= threshold:
            self.verdict = success
            self._succeeded = self._succeeded or success
