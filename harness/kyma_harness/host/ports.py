"""TCP ports on 127.0.0.1, reserved against every other run of this user."""

import contextlib
import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from kyma_harness.host.errors import NoPortLeftError, PortTakenError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import runtime_dir

# Below Linux's range for outgoing connections (32768-60999), so that no client's port gets in the way.
_FIRST, _LAST = 20000, 31999
_LISTEN_STATE = "0A"


class PortPool:
    """Reserve ports; a port is ours until release(), close() or the end of this process.

    A lock file per port tells the runs of one user apart; a trial bind tells everybody else's listeners.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or runtime_dir() / "ports"
        self._held: dict[int, FileLock] = {}

    def reserve(self, preferred: int | None = None) -> int:
        """Return a free port: the preferred one, or any.

        Raises PortTakenError when the preferred one is not to be had, NoPortLeftError when none is.
        """
        if preferred is not None:
            return self._reserve_exactly(preferred)
        count = _LAST - _FIRST + 1
        start = secrets.randbelow(count)  # not of `random`: test plugins seed it, and every run begins alike
        for offset in range(count):
            port = _FIRST + (start + offset) % count
            if self._try(port):
                return port
        raise NoPortLeftError(f"none of the ports {_FIRST}-{_LAST} on 127.0.0.1 is free: stop other clusters")

    def release(self, port: int) -> None:
        """Give a port back; nothing happens if it is not ours."""
        if lock := self._held.pop(port, None):
            lock.remove()

    def close(self) -> None:
        """Give every port back."""
        for port in list(self._held):
            self.release(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reserve_exactly(self, port: int) -> int:
        if port not in self._held and self._try(port):
            return port
        holder = self._lock(port).holder()
        who = f"reserved by {holder}" if holder else f"in use by {listener_on(port) or 'another process'}"
        raise PortTakenError(f"port {port} on 127.0.0.1 is {who}: stop that, or choose another port")

    def _try(self, port: int) -> bool:
        lock = self._lock(port)
        if port in self._held or not lock.try_acquire():
            return False
        if not is_bindable(port):
            lock.remove()
            return False
        self._held[port] = lock
        return True

    def _lock(self, port: int) -> FileLock:
        return FileLock(self._folder / str(port), purpose=f"port {port} of a test cluster")


def is_bindable(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listener_on(port: int) -> str | None:
    """Name the process that listens on a port, as far as /proc tells this user."""
    inodes = _listening_inodes(port)
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        with contextlib.suppress(OSError):
            if descriptors_of(process) & inodes:
                return f"process {process.name} ({(process / 'comm').read_text().strip()})"
    return None


def descriptors_of(process: Path) -> set[str]:
    """Return where the open descriptors of a folder of /proc lead, without those that close while we look.

    Raises OSError where the process is no more, or somebody else's.
    """
    found = set()
    for entry in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(entry.readlink()))
    return found


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN_STATE and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
