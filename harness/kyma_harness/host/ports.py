"""TCP ports on 127.0.0.1, reserved against every other run of this user."""

import contextlib
import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from kyma_harness.host.errors import NoPortLeftError, PortTakenError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import runtime_dir

# Below Linux's range for outgoing connections (32768-60999), so that no client's port gets in the way.
_FIRST, _LAST = 20000, 31999
_OURS = ("127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1")  # noqa: S104 - where others listen
"""Addresses on which 127.0.0.1 is listened on."""


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
    """Name the process that listens on a port of 127.0.0.1, as far as this user may know."""
    places = {(address, port) for address in _OURS}
    for one in psutil.net_connections("tcp"):
        if one.status == psutil.CONN_LISTEN and one.pid and tuple(one.laddr) in places:
            with contextlib.suppress(psutil.Error):
                return f"process {one.pid} ({psutil.Process(one.pid).name()})"
    return None
