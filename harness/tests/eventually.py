"""Wait for what a test cannot be told of: another process's file, or its end."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 120.0
"""Seconds; longer than anything takes on a busy machine: whoever waits so long has failed."""

_INTERVAL_SECONDS = 0.02


async def eventually(claim: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait until the claim holds; fail after so many seconds."""
    await asyncio.to_thread(_poll, claim, within)


async def first_line(file: Path) -> str:
    """Return a file's first line once it is written."""
    await eventually(lambda: file.exists() and "\n" in file.read_text())
    return await asyncio.to_thread(lambda: file.read_text().splitlines()[0])


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, reaped or not."""
    try:
        return "Z (zombie)" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def open_files() -> int:
    """Return how many descriptors this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _poll(claim: Callable[[], object], within: float) -> None:
    deadline = time.monotonic() + within
    while not claim():
        assert time.monotonic() < deadline, f"it did not come true within {within:g} s"
        time.sleep(_INTERVAL_SECONDS)
