"""Watch over our own death: a small process that ends our descendants when we are killed with SIGKILL."""

import os
import sys
from collections.abc import Collection
from pathlib import Path

from kyma_harness.host import descendants
from kyma_harness.host.process import Child, spawn


class Guard:
    """Keep a process waiting on a pipe that the kernel closes when we end, however we end."""

    def __init__(self, child: Child, pipe: int) -> None:
        self._child = child
        self._pipe = pipe

    async def close(self) -> None:
        """Let the guard do its work now: end what is left, and itself. The folder is ours to remove."""
        os.write(self._pipe, descendants.FAREWELL)
        os.close(self._pipe)
        await self._child.wait()


async def stand_guard(
    mark: str, log: Path, *, tidy: Path | None = None, names: Collection[str] = ()
) -> Guard:
    """Start the guard over every process that carries the mark in its environment.

    It carries no mark itself, and must outlive us. If we are killed it also removes the folder `tidy`, once
    nobody uses that any more: what has one of the `names` in it.
    """
    program = Path(descendants.__file__)
    reading, writing = os.pipe()
    try:
        child = await spawn(
            [sys.executable, "-I", "-S", program, mark, *([str(tidy), *names] if tidy else [])],
            name="guard",
            env={descendants.MARKER: ""},
            stdin=reading,
            stdout=log,
            die_with_parent=False,
        )
    finally:
        os.close(reading)
    return Guard(child, writing)
