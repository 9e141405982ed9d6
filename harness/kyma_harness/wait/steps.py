"""What a run does, step by step, with times."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal, Self

State = Literal["started", "running", "ready", "failed"]


@dataclass(slots=True, kw_only=True)
class Step:
    """One thing that was done; times are Unix times in seconds."""

    name: str
    started: float = field(default_factory=time.time)
    ended: float | None = None
    ok: bool = True
    note: str = ""
    """What came of it, such as an address or a count, or why it failed."""
    depth: int = 0
    is_act: bool = False
    """Whether the test did something to the cluster, rather than wait."""
    is_part: bool = False
    """Whether nothing is part of it: of what goes on side by side, none is within the other."""

    @property
    def seconds(self) -> float:
        """How long it took, so far if it has not ended."""
        return (self.ended or time.time()) - self.started

    @property
    def state(self) -> State:
        """How it is with it: while it is ``running``, the note says how far."""
        if self.ended is None:
            return "running" if self.note else "started"
        return "ready" if self.ok else "failed"

    def remark(self, text: str) -> None:
        """Add to what came of it."""
        self.note = f"{self.note}; {text}" if self.note else text

    def over(self, *, ok: bool = True, note: str = "") -> Self:
        """Return the step as it is when it ends now."""
        return replace(self, ended=time.time(), ok=ok, note=note or self.note)


@dataclass(slots=True)
class StepLog:
    """Every step of a run."""

    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, *, is_act: bool = False) -> Iterator[Step]:
        """Note that something begins, and when and how it ends."""
        step = Step(name=name, is_act=is_act)
        self.steps.append(step)
        try:
            yield step
        except BaseException:
            step.ok = False
            raise
        finally:
            step.ended = time.time()

    def mark(self, name: str) -> Step:
        """Note a moment."""
        now = time.time()
        step = Step(name=name, started=now, ended=now, is_act=True)
        self.steps.append(step)
        return step

    def past(self, name: str, started: float, *, ok: bool = True, is_part: bool = False) -> None:
        """Note something that began then and has just ended."""
        self.steps.append(Step(name=name, started=started, ended=time.time(), ok=ok, is_part=is_part))

    def between(self, start: float, end: float) -> list[Step]:
        """Return the steps that began in a window of time, each with its depth."""
        return nested(step for step in self.steps if start <= step.started <= end)


def nested(steps: Iterable[Step]) -> list[Step]:
    """Return steps in order, what began and ended within another one level deeper than that."""
    found: list[Step] = []
    around: list[Step] = []
    for step in sorted(steps, key=lambda one: (one.started, -_end(one))):
        around = [one for one in around if _end(one) >= _end(step) and one.started <= step.started]
        found.append(replace(step, depth=len(around)))
        if not step.is_part:
            around.append(step)
    return found


def _end(step: Step) -> float:
    return inf if step.ended is None else step.ended
