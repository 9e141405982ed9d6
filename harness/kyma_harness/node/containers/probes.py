"""Probes: when to ask, and what an answer means; as plain state, and as a loop around that."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Until its first success a starting container is asked again after this long, then ever more slowly, so that
# the answer is never noticed later than a tenth of the time it took.
_FIRST_PAUSE = 0.1
_SLOWER = 1.1


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the container did what was asked; `message` says why not, or what is strange about it."""

    success: bool
    message: str = ""


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
    when the author's own schedule (initialDelaySeconds after the start, then every periodSeconds) would have
    asked too. `since` is when the container was started.
    """

    def __init__(self, probe: Probe, *, since: float) -> None:
        self.verdict: bool | None = None
        self._probe = probe
        self._run_of: bool | None = None
        self._run = 0
        self._pause = 0.0
        self._next_counted = since + probe.initial_delay
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


async def probe_forever(
    probe: Probe,
    ask: Callable[[], Awaitable[Answer]],
    *,
    since: float,
    heard: Callable[[Probe, Answer], None],
) -> AsyncGenerator[bool, None]:
    """Ask on a probe's schedule; yield each change of the verdict, and nothing in between.

    `since` is when the container was started, on the loop's clock. `heard` is told of each answer that has
    something to say: of failures only that came on the author's own schedule.
    """
    loop = asyncio.get_running_loop()
    state = ProbeState(probe, since=since)
    while True:
        await asyncio.sleep(max(0.0, state.next_at(loop.time()) - loop.time()))
        before = state.verdict
        answer = await ask()
        now = loop.time()
        if answer.message and (answer.success or state.counts_failures(now)):
            heard(probe, answer)
        verdict = state.observe(success=answer.success, now=now)
        if verdict is not None and verdict is not before:
            yield verdict
