"""Sessions of pytest that tests of lifetimes start, kill and look behind."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eventually import eventually
from nested import OF_THIS_REPOSITORY, environment

from kyma_harness.embedded.layout import Layout
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import runtime_dir
from kyma_harness.host.ports import listener_on
from kyma_harness.host.process import Child, spawn

SUITE = Path(__file__).parent / "suite"
AS_IN_A_TERMINAL = """\
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main())
"""
"""Who runs in the background may have been told to ignore Ctrl-C, and hands that on to its children."""
REMOVAL_SECONDS = 150
"""How long it may take on a busy machine until all is gone."""
OPTIONS = (
    *("-p", "no:randomly", "-p", "no:cacheprovider", "--timeout=900", "-rA"),
    *("--kyma=builtin", "--harness-provider=embedded"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session, with a state folder and a meeting place of its own."""

    folder: Path
    child: Child

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    @property
    def met(self) -> list[str]:
        """What the session's tests have left in their meeting place."""
        return sorted(entry.name for entry in (self.folder / "meeting").iterdir())

    async def until_endless(self) -> None:
        """Wait until the test that does not end by itself runs."""
        await eventually(lambda: self.endless() or self.child.returncode is not None, within=300)
        assert self.endless(), self.output

    def endless(self) -> int:
        """Return the process that runs the test that does not end by itself; 0 where none does yet."""
        return next((int(name.partition(".")[0]) for name in self.met_with(".endless")), 0)

    def met_with(self, suffix: str) -> list[str]:
        return [name for name in self.met if name.endswith(suffix)]

    async def end(self, within: float = 360) -> int:
        """Wait for its end, and return the exit code."""
        await eventually(lambda: self.child.returncode is not None, within=within)
        return await self.child.wait()

    def clusters(self) -> list[Layout]:
        """Return what there is of clusters, whole or not."""
        return clusters_in(self.folder)

    def supervisor(self) -> int:
        """Return the supervisor of the one cluster."""
        holders = [cluster.supervisor_lock().holder() for cluster in self.clusters()]
        (pid,) = [holder.pid for holder in holders if holder]
        return pid

    def is_starting(self) -> bool:
        """Whether the supervisor has begun to start components, and is not ready."""
        return any(
            (cluster.logs / "etcd.log").exists() and not cluster.record.exists()
            for cluster in self.clusters()
        )


def clusters_in(folder: Path) -> list[Layout]:
    root = folder / "state" / "clusters"
    return [Layout(entry) for entry in sorted(root.iterdir())] if root.exists() else []


@asynccontextmanager
async def a_session(folder: Path, *arguments: str, home: Path | None = None) -> AsyncIterator[Session]:
    """Start pytest over the suite; at the end it is killed, if it still runs.

    Sessions with a `home` in common have the state folder in common, as those of one user have. The locks of
    ports are those of all runs on this machine.
    """
    home = home or folder
    (folder / "meeting").mkdir(exist_ok=True, parents=True)
    own = {"KYMA_HARNESS_STATE": str(home / "state"), "MEETING": str(folder / "meeting")}
    argv = [sys.executable, "-c", AS_IN_A_TERMINAL, *OPTIONS]
    (folder / "output").unlink(missing_ok=True)
    child = await spawn(
        [*argv, f"--harness-evidence={folder / 'evidence'}", *arguments],
        name="pytest",
        env=environment(*OF_THIS_REPOSITORY, **own),
        cwd=SUITE,
        stdout=folder / "output",
    )
    try:
        yield Session(folder=folder, child=child)
    finally:
        child.signal(signal.SIGKILL)
        await child.wait()


def processes_about(folder: Path) -> list[int]:
    """Return the processes, ourselves excepted, that have this folder in command line or environment."""
    wanted, found = str(folder).encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if any(wanted in (entry / file).read_bytes() for file in ("cmdline", "environ")):
                    found.append(int(entry.name))
    return found


def end_processes_about(folder: Path) -> None:
    """Kill whatever a test has left."""
    for pid in processes_about(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def remains(folder: Path) -> list[str]:
    """Say what of a session is still there: processes, clusters, turns, ports."""
    held = [file.name for file in entries(folder / "state" / "turns") if FileLock(file).holder()]
    ours = processes_about(folder)
    taken = [file.name for file in entries(runtime_dir() / "ports") if ours and _is_taken(file, ours)]
    return [
        *(f"process {pid}: {_command(pid)}" for pid in ours),
        *(f"cluster {cluster.root.name}" for cluster in clusters_in(folder)),
        *(f"turn {name}" for name in held),
        *(f"port {name}" for name in taken),
    ]


async def nothing_remains(folder: Path) -> None:
    """Wait until nothing of a session is there any more."""
    try:
        await eventually(lambda: remains(folder) == [], within=REMOVAL_SECONDS)
    except AssertionError:
        output = (folder / "output").read_text()
        raise AssertionError(f"still there: {remains(folder)}; its output:\n{output}") from None


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def _is_taken(lock: Path, ours: list[int]) -> bool:
    """Tell whether one of our processes has the port of a lock, or holds it: it may be anybody's."""
    holder = FileLock(lock).holder()
    if holder is not None and holder.pid in ours:
        return True
    listener = listener_on(int(lock.name)) or ""
    return any(listener.startswith(f"process {pid} ") for pid in ours)


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:100]
    return "gone"
