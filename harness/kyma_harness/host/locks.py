"""Locks between processes: `flock` on a file that also says who holds it and for what."""

import asyncio
import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kyma_harness.host.errors import LockHeldError

_RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lock, by its own words."""

    pid: int
    purpose: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.purpose})" if self.purpose else f"process {self.pid}"


class FileLock:
    """Hold a file for one process; the kernel lets go of it when that process ends, however it ends."""

    def __init__(self, path: Path, *, purpose: str = "", timeout: float | None = None) -> None:
        self._path = path
        self._purpose = purpose
        self._timeout = timeout
        self._descriptor: int | None = None

    @property
    def path(self) -> Path:
        """The file that is locked."""
        return self._path

    @property
    def is_held(self) -> bool:
        """Whether this very object holds the lock."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it."""
        descriptor = try_flock(self._path, fcntl.LOCK_EX)
        if descriptor is None:
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n{self._purpose}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def acquire(self) -> None:
        """Take the lock, waiting up to the timeout (None: for ever) for its holder.

        Raises LockHeldError, which names the holder.
        """
        deadline = self._deadline()
        while not self.try_acquire():
            self._check(deadline)
            time.sleep(_RETRY_SECONDS)  # flock cannot be waited for with a limit

    async def acquire_async(self) -> None:
        """Do as acquire() does, without blocking the event loop."""
        deadline = self._deadline()
        while not self.try_acquire():
            self._check(deadline)
            await asyncio.sleep(_RETRY_SECONDS)  # flock cannot be awaited

    def release(self) -> None:
        """Let go of the lock; nothing happens if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Let go of the lock and leave no file behind; nothing happens if it is not held."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
        self.release()

    def holder(self) -> Holder | None:
        """Return who holds the lock now, be it ourselves; None when it is free."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            if _is_free(descriptor):
                return None
            pid, _, purpose = os.pread(descriptor, 4096, 0).decode(errors="replace").partition("\n")
            return Holder(pid=int(pid) if pid.isdigit() else 0, purpose=purpose.strip())
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def __aenter__(self) -> Self:
        await self.acquire_async()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _deadline(self) -> float | None:
        return None if self._timeout is None else time.monotonic() + self._timeout

    def _check(self, deadline: float | None) -> None:
        if deadline is not None and time.monotonic() >= deadline:
            raise LockHeldError(
                f"{self._path} is held by {self.holder() or 'another process'}:"
                " wait until it is done, or end that process"
            )


def try_flock(path: Path, operation: int) -> int | None:
    """Return a descriptor that holds the lock of a file, which is made; None where somebody else holds it."""
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # the folder was removed between the two lines
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if is_current(path, descriptor):
                return descriptor
            # The last holder removed the file between our open and our flock: what we hold, nobody else sees.
            os.close(descriptor)


def is_current(path: Path, descriptor: int) -> bool:
    """Tell whether a descriptor is of the file that has this name now."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _is_free(descriptor: int) -> bool:
    # A shared lock is enough to ask, and two who ask at once do not see each other as holders.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
