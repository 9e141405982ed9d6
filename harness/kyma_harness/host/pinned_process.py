"""Signal and end processes that are not our children, without hitting others that have their id by now."""

import asyncio
import errno
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_KILL_SECONDS = 10.0
_WHOLE_GROUP = 1 << 2
"""PIDFD_SIGNAL_PROCESS_GROUP, since Linux 6.9."""


class Stranger:
    """A process that is not our child, and the group that it leads, pinned until the block ends.

    `is_the_one` is asked after the process was pinned, since its id may be another's by now. Raises
    ProcessLookupError where it is no more.
    """

    def __init__(self, pid: int, is_the_one: Callable[[], bool]) -> None:
        self._pid = pid
        self._descriptor = os.pidfd_open(pid)
        if not is_the_one():
            os.close(self._descriptor)
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))

    def signal(self, number: int) -> bool:
        """Send a signal to the whole group; return whether there was anybody to get it."""
        try:
            self._send(number)
        except ProcessLookupError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _send(self, number: int) -> None:
        try:
            signal.pidfd_send_signal(self._descriptor, number, None, _WHOLE_GROUP)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            signal.pidfd_send_signal(self._descriptor, 0)  # is it still the one?
            os.killpg(self._pid, number)


def parent_of(pid: int) -> int:
    """Return the process that a process is a child of; 0 where it is no more."""
    return _stat(pid, 4)


def started(pid: int) -> int:
    """Return when a process started, in clock ticks since the machine did; 0 where it is no more."""
    return _stat(pid, 22)


def is_stopped(pid: int) -> bool:
    """Tell whether a signal has stopped every thread of a process; True where it is no more."""
    return all((_fields(thread) or ["X"])[0] in "TtZX" for thread in Path(f"/proc/{pid}/task").glob("*/stat"))


async def end_process(pid: int, is_the_one: Callable[[], bool], *, grace: float) -> bool:
    """End a process that is not our child: SIGTERM, and SIGKILL after so many seconds.

    `is_the_one` is asked after the process was pinned, since its id may be another's by now. Returns whether
    it is gone; False only if the kernel does not let it go.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILL_SECONDS)):
            if not is_the_one():
                return True
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            if await _until_readable(descriptor, seconds):
                return True
    finally:
        os.close(descriptor)
    return False


async def _until_readable(descriptor: int, seconds: float) -> bool:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        async with asyncio.timeout(seconds):
            await readable.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
    return True


def _stat(pid: int, field: int) -> int:
    """Return a field of proc_pid_stat(5), from the fourth one on; 0 where the process is no more."""
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return int(fields[field - 3]) if fields else 0


def _fields(stat: Path) -> list[str]:
    """Return the fields from the third one on, as the second may hold anything; none of what is no more."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []
