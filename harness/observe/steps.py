"""Keep a ledger of what a run did, step by step, with times."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Step:
    """One thing that was done; times are Unix times in seconds."""

    name: str
    started: float
    ended: float | None = None
    ok: bool = True
    note: str = ""
    depth: int = 0
    is_act: bool = False
    """Whether the test did something to the cluster, rather than wait."""

    @property
    def seconds(self) -> float:
        """How long it took, so far if it has not ended."""
        return (self.ended or time.time()) - self.started


@dataclass(slots=True)
class StepLog:
    """Steps in the order in which they began; a step begun within another is part of it."""

    steps: list[Step] = field(default_factory=list)
    _depth: int = 0

    @contextmanager
    def step(self, name: str, *, is_act: bool = False) -> Iterator[Step]:
        """Note that something begins, and when and how it ends."""
        step = Step(name=name, started=time.time(), depth=self._depth, is_act=is_act)
        self.steps.append(step)
        self._depth += 1
        try:
            yield step
        except BaseException:
            step.ok = False
            raise
        finally:
            self._depth -= 1
            step.ended = time.time()

    def mark(self, name: str) -> Step:
        """Note something that takes no time worth telling."""
        now = time.time()
        step = Step(name=name, started=now, ended=now, depth=self._depth, is_act=True)
        self.steps.append(step)
        return step

    def past(self, name: str, seconds: float, *, ok: bool = True, note: str = "") -> None:
        """Note something that has just ended, and took so long."""
        now = time.time()
        self.steps.append(
            Step(name=name, started=now - seconds, ended=now, ok=ok, note=note, depth=self._depth)
        )

    def between(self, start: float, end: float) -> list[Step]:
        """Return the steps that began in a window of time."""
        return [step for step in self.steps if start <= step.started <= end]
