"""End a process that is not our child, without ever hitting another that has its id by now."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

_KILL_SECONDS = 10.0


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
