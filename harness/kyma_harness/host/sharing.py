"""What several processes use at once: each holds a share of it, and the last one may take it away.

A share is a shared `flock` on a file, so the kernel counts the users, and the killed ones too.
"""

import asyncio
import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from kyma_harness.host.errors import LockHeldError
from kyma_harness.host.locks import is_current, try_flock

_RETRY_SECONDS = 0.1
_LOCKS = Path("/proc/locks")


class Share:
    """This process's share of a thing: held with others, or alone once nobody else has one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this very object has a share."""
        return self._descriptor is not None

    def try_join(self) -> bool:
        """Take a share, unless somebody else is taking the thing away; who has all of it has a share then."""
        return self._try(fcntl.LOCK_SH)

    def try_alone(self) -> bool:
        """Take all of it, if nobody else has a share: from then on nobody can join. Our own share is kept."""
        return self._try(fcntl.LOCK_EX)

    async def join(self, timeout: float) -> None:  # noqa: ASYNC109 - part of the message
        """Take a share; where somebody is taking the thing away, wait for up to so many seconds for that.

        Raises LockHeldError.
        """
        deadline = time.monotonic() + timeout
        while not self.try_join():
            if time.monotonic() >= deadline:
                raise LockHeldError(
                    f"{self._path.parent} is being taken away, and has not gone after {timeout:g} s: "
                    f"see what process {', '.join(map(str, _users_of(self._path))) or '?'} does"
                )
            await asyncio.sleep(_RETRY_SECONDS)  # flock cannot be awaited

    def leave(self) -> bool:
        """Give the share back; whether we were the last, who then has all of it until release().

        Those who leave do so one at a time, under a lock of their own. Others may join meanwhile.
        """
        self.release()
        # Somebody else may have found it unused first, and be taking it away: then nobody can join.
        if self.try_alone() or not self.try_join():
            return True
        self.release()
        return False

    def release(self) -> None:
        """Give back whatever is held; nothing happens if nothing is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Give back whatever is held, and leave no file behind if nobody else has a share."""
        self.release()
        if self.try_alone():
            self._path.unlink(missing_ok=True)
            self.release()

    def wait_until_unused(self) -> None:
        """Block this thread until nobody has a share, and take all of it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor

    def users(self) -> list[int]:
        """Return the processes that have a share, as far as the kernel shows them."""
        return _users_of(self._path)

    def is_used(self) -> bool:
        """Whether anybody, ourselves included, has a share."""
        if not self._path.exists():
            return False
        descriptor = try_flock(self._path, fcntl.LOCK_EX)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def _try(self, operation: int) -> bool:
        if self._descriptor is not None and is_current(self._path, self._descriptor):
            return self._convert(self._descriptor, operation)
        self.release()
        self._descriptor = try_flock(self._path, operation)
        return self._descriptor is not None

    def _convert(self, descriptor: int, operation: int) -> bool:
        """Make what is held what is asked for; where that cannot be had, a share is kept.

        The kernel lets go of the one before it gives the other: who takes all of it in that moment has it.
        """
        for wanted in (operation, fcntl.LOCK_SH):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, wanted | fcntl.LOCK_NB)
                return wanted == operation
        self.release()
        return False


def _users_of(path: Path) -> list[int]:
    """Return the processes that hold a `flock` of a file."""
    with suppress(OSError):
        status = path.stat()
        wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        lines = [line.split() for line in _LOCKS.read_text().splitlines()]
        return sorted({int(words[4]) for words in lines if words[1] == "FLOCK" and words[5] == wanted})
    return []
