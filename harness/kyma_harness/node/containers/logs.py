"""What a container writes: stamped line by line into a file, and read back as `kubectl logs` asks for it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

_CHUNK = 64 * 1024
_LONGEST_LINE = 1024 * 1024
_ROTATE_BYTES = 10 * 1024 * 1024  # the kubelet's containerLogMaxSize


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """The options of `kubectl logs`; None means no limit."""

    follow: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since: datetime | None = None
    limit_bytes: int | None = None


class ContainerLog:
    """The output of one start of a container.

    Hand `write_end()` to the process. Each line is kept as `<time> stdout F <line>`, as a container runtime
    keeps it; the file is rotated once it is 10 MiB long, and one older part is kept.
    """

    def __init__(self, path: Path, *, rotate_bytes: int = _ROTATE_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.closed = False
        self._rotate_bytes = rotate_bytes
        self._file = _appended(path)
        self._partial = b""
        self._reading: int | None = None
        self.older = path.with_suffix(".log.1")
        self.generation = 0
        self._grown = asyncio.Event()
        self._ended = asyncio.Event()

    @contextlib.contextmanager
    def write_end(self) -> Iterator[int]:
        """Give the descriptor a process shall write to; ours is closed on the way out."""
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        asyncio.get_running_loop().add_reader(self._reading, self._take)
        try:
            yield writing
        finally:
            os.close(writing)

    async def close(self, *, patience: float = 1.0) -> None:
        """Take what is still in the pipe and end the log; a leaked descriptor is waited for only so long."""
        if self._reading is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._ended.wait()
        self.close_now()

    def close_now(self) -> None:
        """End the log without waiting for anybody who still holds the other end."""
        if self._reading is not None:
            asyncio.get_running_loop().remove_reader(self._reading)
            os.close(self._reading)
            self._reading = None
        if not self.closed:
            if self._partial:
                self._write_line(self._partial)
            self.closed = True
            self._file.close()
            self._announce()

    def remove(self) -> None:
        """Delete what was kept."""
        self.path.unlink(missing_ok=True)
        self.older.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Take in output; a line counts when its end has come."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._write_line(line)
        if len(self._partial) > _LONGEST_LINE:
            self._write_line(self._partial)
            self._partial = b""
        self._announce()

    def tail(self, lines: int = 20) -> str:
        """Return the last lines, without their times."""
        with contextlib.closing(_Reader(self)) as reader:
            entries = reader.all()[-lines:]
        return b"\n".join(text for _, text in entries).decode(errors="replace")

    async def read(self, query: LogQuery) -> AsyncIterator[bytes]:
        """Yield lines with their ends; when following, until the container has ended."""
        left = query.limit_bytes
        async for stamp, text in self._selected(query):
            line = (stamp + b" " if query.timestamps else b"") + text + b"\n"
            if left is not None:
                line = line[:left]
                left -= len(line)
            yield line
            if left == 0:
                return

    async def _selected(self, query: LogQuery) -> AsyncIterator[tuple[bytes, bytes]]:
        try:
            opened = _Reader(self)
        except FileNotFoundError:
            return  # it was removed since it was asked for
        with contextlib.closing(opened) as reader:
            entries = [entry for entry in reader.all() if _is_since(entry[0], query.since)]
            if query.tail_lines is not None:
                entries = entries[max(0, len(entries) - query.tail_lines) :]
            for entry in entries:
                yield entry
            while query.follow:
                grown, closed = self._grown, self.closed
                for entry in reader.new():
                    yield entry
                if closed:
                    return
                await grown.wait()

    def _take(self) -> None:
        if self._reading is None:
            return
        try:
            data = os.read(self._reading, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self.write(data)
        else:
            asyncio.get_running_loop().remove_reader(self._reading)
            self._ended.set()

    def _write_line(self, line: bytes) -> None:
        # Where the disk is full the line is lost, and not the process that waits for it to be read.
        with contextlib.suppress(OSError):
            if self._file.tell() > self._rotate_bytes:
                self._rotate()
            self._file.write(_now() + b" stdout F " + line + b"\n")

    def _rotate(self) -> None:
        self.path.rename(self.older)
        fresh = _appended(self.path)
        self._file.close()
        self._file = fresh
        self.generation += 1

    def _announce(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


class _Reader:
    """A place in a log that is being written, kept across a rotation."""

    def __init__(self, log: ContainerLog) -> None:
        self._log = log
        self._generation = log.generation
        self._file = log.path.open("rb")

    def all(self) -> list[tuple[bytes, bytes]]:
        """Read everything there is, the older part included."""
        older = self._log.older.read_bytes() if self._log.older.exists() else b""
        return [*_entries(older), *self.new()]

    def new(self) -> Iterator[tuple[bytes, bytes]]:
        """Read what has come since the last call."""
        yield from _entries(self._file.read())
        if self._generation != self._log.generation:
            self._generation = self._log.generation
            self._file.close()
            self._file = self._log.path.open("rb")
            yield from _entries(self._file.read())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _appended(path: Path) -> FileIO:
    """Open a log to be written, but not through a link that its container may have put there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return FileIO(descriptor, "a")


def _entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in content.split(b"\n")[:-1]:
        stamp, _, rest = line.partition(b" ")
        yield stamp, rest.removeprefix(b"stdout F ")


def _is_since(stamp: bytes, since: datetime | None) -> bool:
    return since is None or datetime.fromisoformat(stamp.decode()) >= since


def _now() -> bytes:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
