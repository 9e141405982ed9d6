"""Find and end what a cluster's processes have started, also when the one who started them is gone.

A child dies with its parent (PDEATHSIG), a grandchild does not. So every process of a cluster carries a mark
in its environment, which whatever it starts inherits and which tells a leftover from other processes.
This file is also a program, run by itself (see kyma_harness.host.guard): it may import the standard library
only.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

MARKER = "KYMA_HARNESS_MARK"
"""The variable; no option of the command line may be read from one of this name."""
FAREWELL = b"."
"""What one who ends by itself tells its guard; one who is killed cannot."""
_LIMIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.02


def marked(mark: str, variable: str = MARKER) -> list[int]:
    """Return the processes, ourselves excepted, whose environment carries the mark."""
    wanted = f"{variable}={mark}".encode()
    return [pid for pid in _processes() if pid != os.getpid() and wanted in _environment(pid)]


def marks() -> dict[str, list[int]]:
    """Return every mark that a process of this user carries, ourselves excepted, with those that carry it."""
    found: dict[str, list[int]] = {}
    prefix = f"{MARKER}=".encode()
    for pid in _processes():
        for variable in _environment(pid) if pid != os.getpid() else ():
            if variable.startswith(prefix) and (mark := variable.removeprefix(prefix).decode()):
                found.setdefault(mark, []).append(pid)
    return found


def end_marked(mark: str, variable: str = MARKER) -> list[int]:
    """Kill every process that carries the mark, also those that appear meanwhile, and return which."""
    ended: set[int] = set()
    deadline = time.monotonic() + _LIMIT_SECONDS
    while (found := marked(mark, variable)) and time.monotonic() < deadline:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended.update(found)
        time.sleep(_PAUSE_SECONDS)  # a killed process of somebody else's cannot be waited for
    return sorted(ended)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    # A zombie's environment is empty, somebody else's is not readable: both are none of ours to kill.
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def _guard(mark: str, folder: str = "", *names: str) -> None:
    """Wait until standard input ends, which is when its writer ends, and then end all that carry the mark."""
    said = b""
    while read := os.read(0, 4096):
        said += read
    end_marked(mark)
    if said != FAREWELL and folder:
        remove_unused(Path(folder), names)


def remove_unused(folder: Path, names: Collection[str]) -> None:
    """Remove a cluster's folder as soon as nobody uses it, unless another cluster runs there by then.

    Removed are the entries of these names, and the folder itself where that is all.
    """
    with suppress(OSError):
        users = os.open(folder / "users.lock", os.O_RDWR)
        fcntl.flock(users, fcntl.LOCK_EX)
        supervisor = os.open(folder / "lock", os.O_RDWR)
        fcntl.flock(supervisor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(users), (folder / "users.lock").stat()):
            remove_entries(folder, names)
            folder.rmdir()


def remove_entries(folder: Path, names: Collection[str], *, kept: Collection[str] = ()) -> None:
    """Remove what is known in a folder; whatever else is in it is somebody else's, and stays."""
    for entry in sorted(folder.iterdir()):
        if known_name(entry.name, names) and entry.name not in kept:
            if entry.is_dir() and not entry.is_symlink():
                _remove_tree(entry)
            else:
                entry.unlink(missing_ok=True)


def known_name(entry: str, names: Collection[str]) -> str:
    """Return which of these names an entry has, or is to have once written (`.name.pid`); else nothing."""
    if entry in names:
        return entry
    written, _, writer = entry.removeprefix(".").rpartition(".")
    return written if entry.startswith(".") and writer.isdigit() and written in names else ""


def _remove_tree(folder: Path) -> None:
    """Remove a folder, also where whoever wrote it has made it or a part of it read-only."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.chmod(0o700)
    for at, folders, _ in os.walk(folder):
        for inner in (Path(at), *(Path(at, name) for name in folders)):
            with suppress(OSError):
                if not inner.is_symlink():
                    inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _guard(*sys.argv[1:])
