"""Spawn processes: the one module of the harness that does.

Every child gets its own session (a Ctrl-C is ours to pass on, not the terminal's), reads nothing, writes to
a file, and dies with its parent unless told otherwise. A child stands for its whole process group: when its
leader is gone, what is left of the group is killed, as it is in a container when process 1 ends.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from kyma_harness.host.descendants import MARKER
from kyma_harness.host.errors import CommandError, SpawnError
from kyma_harness.host.lastlines import last_lines, tail, telling
from kyma_harness.host.mount_namespace import Root, RootOf, entering

_PR_SET_PDEATHSIG = 1


class Child:
    """A process we started, and its process group."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        name: str,
        argv: Sequence[str],
        log_path: Path | None,
        spares_group: bool = False,
    ) -> None:
        self._spares_group = spares_group
        self.name = name
        self.argv = tuple(argv)
        self.log_path = log_path
        self.started_at = time.time()
        self._process = process
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watch_exit()

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group and session."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end and return the exit code, negative for a signal; any number of tasks may wait."""
        return await asyncio.shield(self._ended)

    async def terminate(self, grace: float) -> int:
        """Ask the group to end, kill it after so many seconds, and return the leader's exit code."""
        self.signal(signal.SIGTERM)
        # Not wait_for(): on Python 3.11 it swallows a cancellation that comes together with the result.
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                return await self.wait()
        self.signal(signal.SIGKILL)
        return await self.wait()

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens after the end."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines it wrote, as far as it writes to a file."""
        return tail(self.log_path, lines) if self.log_path else ""

    def last_words(self) -> str:
        """Return why it ended, by its own words, as far as it writes to a file."""
        return telling(self.log_path) if self.log_path else ""

    def disown(self) -> None:
        """Let it live on without us: a process meant to outlive its parent is nobody's to signal."""
        if self.returncode is None:
            # Popen would warn of a child that nobody waited for.
            self._process.returncode = 0

    def _watch_exit(self) -> None:
        descriptor = os.pidfd_open(self.pid)
        loop = asyncio.get_running_loop()

        def reap() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            # The leader is a zombie until we wait for it: until then its group's id belongs to nobody else.
            if not self._spares_group:
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
            # One that was disowned is a child of ours all the same, for as long as we live.
            self._process.returncode = None
            returncode = self._process.wait()
            if not self._ended.done():
                self._ended.set_result(returncode)

        loop.add_reader(descriptor, reap)


@contextmanager
def handing_over(handed: int, *, kept: int) -> Iterator[None]:
    """Start a child with one end of a pipe in the block: that end is the child's then, and not ours.

    Where no child is started, neither end stays open.
    """
    try:
        yield
    except BaseException:
        os.close(kept)
        raise
    finally:
        os.close(handed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What became of a short command."""

    returncode: int
    stdout: str
    stderr: str


async def spawn(
    argv: Sequence[str | Path],
    *,
    name: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdout: Path | int,
    stderr: int | None = None,
    stdin: int | None = None,
    pass_fds: Sequence[int] = (),
    die_with_parent: bool = True,
    spares_group: bool = False,
    root: Root | RootOf | None = None,
) -> Child:
    """Start a program and return at once.

    `stdout` is a file to append to, or a descriptor; stderr goes there too unless it has its own descriptor.
    `die_with_parent`: the kernel kills it when the thread that called us ends, however it ends.
    `spares_group`: what it has started lives on when it ends by itself, and is the caller's to end.
    `root`: what it sees as its root; once it has that, the working folder is the root's own.
    Raises SpawnError when there is no such program or folder.
    """
    arguments = [os.fspath(argument) for argument in argv]
    return Child(
        _start(
            arguments,
            env=env,
            cwd=cwd,
            stdout=stdout,
            stderr=stderr,
            stdin=stdin,
            pass_fds=pass_fds,
            die_with_parent=die_with_parent,
            root=root,
        ),
        name=name,
        argv=arguments,
        log_path=stdout if isinstance(stdout, Path) else None,
        spares_group=spares_group,
    )


async def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,  # noqa: ASYNC109 - part of what the caller decides, and of the message
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    check: bool = True,
    spares_group: bool = False,
    root: Root | RootOf | None = None,
) -> Completed:
    """Run a short command to its end; `env` None means our own environment, `timeout` is in seconds.

    `spares_group` and `root` as for `spawn`.

    Raises CommandError with its last lines when it fails (unless `check` is off) or takes too long.
    """
    name = Path(argv[0]).name
    # Files, not pipes: a command that leaves a background process behind would hold a pipe open for ever.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        child = await spawn(
            argv,
            name=name,
            env=os.environ if env is None else env,
            cwd=cwd,
            stdout=out.fileno(),
            stderr=err.fileno(),
            stdin=given.fileno(),
            spares_group=spares_group,
            root=root,
        )
        try:
            async with asyncio.timeout(timeout):
                returncode = await child.wait()
        except TimeoutError:
            await child.terminate(grace=1)
            raise CommandError(
                f"{name} did not finish within {timeout:g} s", output=last_lines(_text(err)), timed_out=True
            ) from None
        except asyncio.CancelledError:
            await child.terminate(grace=0)
            raise
        done = Completed(returncode=returncode, stdout=_text(out), stderr=_text(err))
    if check and returncode != 0:
        shown = " ".join(str(argument) for argument in argv[1:3])
        raise CommandError(
            f"{name} {shown} failed with exit code {returncode}",
            returncode=returncode,
            output=last_lines(done.stderr or done.stdout),
        )
    return done


def _start(
    argv: list[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None,
    stdout: Path | int,
    stderr: int | None,
    stdin: int | None,
    pass_fds: Sequence[int],
    die_with_parent: bool,
    root: Root | RootOf | None,
) -> "subprocess.Popen[bytes]":
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    output = os.open(stdout, flags, 0o600) if isinstance(stdout, Path) else stdout
    try:
        with _preparing(root, die_with_parent=die_with_parent) as prepare:
            return subprocess.Popen(
                argv,
                env=_marked(env),
                cwd=cwd,
                pass_fds=pass_fds,
                start_new_session=True,
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=output,
                stderr=output if stderr is None else stderr,
                preexec_fn=prepare,  # noqa: PLW1509 - prepared system calls
            )
    except subprocess.SubprocessError as error:
        raise SpawnError(
            f"cannot start {argv[0]} in a root of its own: what failed stands in its log"
        ) from error
    except OSError as error:
        raise SpawnError(f"cannot start {argv[0]}: {error.strerror} ({error.filename})") from error
    finally:
        if isinstance(stdout, Path):
            os.close(output)


def _marked(env: Mapping[str, str]) -> dict[str, str]:
    """Hand our own mark on, so that whatever a cluster's processes start can be told to be the cluster's."""
    inherited = {MARKER: os.environ[MARKER]} if MARKER in os.environ else {}
    return {**inherited, **env}


@contextmanager
def _preparing(root: Root | RootOf | None, *, die_with_parent: bool) -> Iterator[Callable[[], None] | None]:
    """Give what the child does before it becomes the program; its death signal is set last, to stay set."""
    dying = _die_with(os.getpid()) if die_with_parent else None
    if root is None:
        yield dying
        return
    with entering(root) as enter:

        def prepare() -> None:
            enter()
            if dying:
                dying()

        yield prepare


def _die_with(parent: int) -> Callable[[], None] | None:
    if not os.path.exists("/proc/self/status"):  # noqa: PTH110 - prctl is Linux's
        return None
    # Looked up before the fork: after it, the loader's lock may be held by a thread that is no more.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    kill_signal = int(signal.SIGKILL)
    getppid, leave = os.getppid, os._exit

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, kill_signal, 0, 0, 0)
        if getppid() != parent:
            leave(1)  # the parent ended before the kernel knew that we go with it

    return prepare


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def replace_this_process(argv: Sequence[str | Path]) -> NoReturn:
    """Become another program, on this terminal; for commands that only pass on to a tool."""
    os.execv(argv[0], [str(word) for word in argv])  # noqa: S606 - no shell is wanted
