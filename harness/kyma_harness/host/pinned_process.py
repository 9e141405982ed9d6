"""Signal and end processes that are not our children, without hitting others that have their id by now."""

import asyncio
import errno
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

_KILL_SECONDS = 10.0
_IDLE = {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
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
    with suppress(psutil.Error):
        return psutil.Process(pid).ppid()
    return 0


def is_stopped(pid: int) -> bool:
    """Tell whether a signal has stopped every thread of a process; True where it is no more."""
    with suppress(psutil.Error):
        return all(_is_idle(thread.id) for thread in psutil.Process(pid).threads())
    return True


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


def _is_idle(thread: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(thread).status() in _IDLE  # Linux tells of a thread as it does of a process
    return True
