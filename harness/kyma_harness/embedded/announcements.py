"""The lines in which a starting cluster tells how far it is."""

import asyncio
import json
import os
import time
from collections.abc import Callable

from kyma_harness.wait.steps import State, Step

# A failure carries the last lines of a log.
_LINE_LIMIT = 2**20


def line_of(step: Step) -> str:
    """Return a step as one line of JSON."""
    seconds = round(step.seconds if step.ended else 0.0, 3)
    return json.dumps({"step": step.name, "state": step.state, "seconds": seconds, "message": step.note})


def step_of(line: str) -> Step | None:
    """Return the step that a line tells of; None when the line is something else."""
    try:
        told = json.loads(line)
        begun = Step(name=told["step"], started=time.time() - told["seconds"], note=told["message"])
        return begun if told["state"] == "started" else begun.over(ok=told["state"] == "ready")
    except (ValueError, TypeError, KeyError):
        return None


class Announcements:
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
        step = step_of(line)
        if step is None:
            self._stray.append(line)
            return
        if step.state == "failed":
            self.failure = step
        else:
            self._states[step.name] = step.state
        self.is_ready = step.name == "cluster" and step.state == "ready"
        self._on_step(step)
