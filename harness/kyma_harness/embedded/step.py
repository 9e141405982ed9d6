"""The lines in which a starting cluster tells how far it is."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal, Self

State = Literal["started", "ready", "failed"]
# A failure carries the last lines of a log.
_LINE_LIMIT = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of the cluster, and what became of it; `cluster` is the whole."""

    step: str
    state: State
    seconds: float = 0.0
    message: str = ""

    def to_json(self) -> str:
        """Return the step as one line of JSON."""
        return json.dumps(asdict(self) | {"seconds": round(self.seconds, 3)})

    @classmethod
    def from_json(cls, line: str) -> Self | None:
        """Return the step a line tells of; None when the line is something else."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            return None


class Steps:
    """Follow what a supervisor says until its cluster is ready, or until it says no more."""

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self.is_ready = False
        self.failure: Step | None = None
        self._on_step = on_step
        self._states: dict[str, State] = {}
        self._stray: list[str] = []

    @property
    def stray(self) -> str:
        """What was said that is not a step, such as a traceback."""
        return "\n".join(self._stray)

    def pending(self) -> str:
        """Name the steps that have begun and not ended."""
        return ", ".join(name for name, state in self._states.items() if state == "started") or "nothing"

    async def follow(self, descriptor: int) -> None:
        """Read a pipe, which is closed at the end, until the cluster is ready or the writer has gone."""
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=_LINE_LIMIT)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        try:
            while not self.is_ready and (line := await reader.readline()):
                self._take(line.decode(errors="replace").rstrip("\n"))
        finally:
            transport.close()

    def _take(self, line: str) -> None:
        step = Step.from_json(line)
        if step is None:
            self._stray.append(line)
            return
        if step.state == "failed":
            self.failure = step
        else:
            self._states[step.step] = step.state
        self.is_ready = step.step == "cluster" and step.state == "ready"
        self._on_step(step)
