"""Watch over our own death: a small process that ends our descendants when we are killed with SIGKILL."""

import asyncio
import os
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from kyma_harness.host import descendants
from kyma_harness.host.process import Child, handing_over, spawn


class Guard:
    """Keep a process waiting on a pipe that the kernel closes when we end, however we end."""

    def __init__(self, child: Child, pipe: int, mark: str) -> None:
        self._child = child
        self._pipe: int | None = pipe
        self._mark = mark

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._child.pid

    async def close(self) -> None:
        """Have ended what is left, by the guard or without it. The folder is ours to remove."""
        if self._pipe is not None:
            pipe, self._pipe = self._pipe, None
            with suppress(BrokenPipeError):  # the guard is dead already
                os.write(pipe, descendants.FAREWELL)
            os.close(pipe)
        if await self._child.wait() != 0:
            await asyncio.to_thread(descendants.end_marked, self._mark)


async def stand_guard(
    mark: str, log: Path, *, tidy: Path | None = None, names: Collection[str] = ()
) -> Guard:
    """Start the guard over every process that carries the mark in its environment.

    It carries no mark itself, and must outlive us. If we are killed it also removes the folder `tidy`, once
    nobody uses that any more: what has one of the `names` in it.
    """
    program = Path(descendants.__file__)
    reading, writing = os.pipe()
    with handing_over(reading, kept=writing):
        child = await spawn(
            [sys.executable, "-I", "-S", program, mark, *([str(tidy), *names] if tidy else [])],
            name="guard",
            env={descendants.MARKER: ""},
            stdin=reading,
            stdout=log,
            die_with_parent=False,
        )
    return Guard(child, writing, mark)
