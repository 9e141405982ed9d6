"""Take components of an embedded cluster down, and bring them back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from kubeloop.client import Client
from kubeloop.kinds import POD
from kubeloop.resource import Object
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.embedded.repairs import Repair, Repairs
from kyma_harness.host.errors import HarnessError
from kyma_harness.host.pinned_process import Stranger, is_stopped, parent_of
from kyma_harness.wait.eventually import EventuallyError, eventually


class FaultError(HarnessError):
    """Cover every fault that could not be made or undone."""


class NoSuchProcessError(FaultError):
    """Report that what was to be hit does not run."""


class NotBackError(FaultError):
    """Report a component that stays away after its fault was undone."""


class NotPossibleError(FaultError):
    """Report a fault that cannot be made here; the test that wants it is to be skipped."""


_STOP_SECONDS: Final = 60.0
_SCHEME = "process://"


class Signals:
    """Hit processes of one cluster, from outside."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self._supervisor = cluster.pid
        self._repairs = Repairs(Layout.at(cluster.state))

    @contextmanager
    def paused(self, pid: int) -> Iterator[None]:
        """Stop a process and its group while the block runs: it holds its connections, and does nothing.

        A signal only asks for it: the block begins when the process has stopped. NoSuchProcessError where it
        has ended already, NotPossibleError where the kernel does not stop it.
        """
        with self._asked_to_stop(pid):
            _until_stopped(pid)
            yield

    @asynccontextmanager
    async def held(self, pid: int) -> AsyncIterator[None]:
        """Do as :meth:`paused` does, without blocking the event loop."""
        with self._asked_to_stop(pid):
            await asyncio.to_thread(_until_stopped, pid)
            yield

    def kill(self, pid: int) -> None:
        """Kill a process and its group; NoSuchProcessError where it has ended already."""
        with self._pinned(pid) as process:
            _hit(process, pid, signal.SIGKILL)

    @contextmanager
    def _asked_to_stop(self, pid: int) -> Iterator[None]:
        with self._pinned(pid) as process, self._repairs.promised(Repair(process=pid)) as promise:
            try:
                _hit(process, pid, signal.SIGSTOP)
                yield
            finally:
                process.signal(signal.SIGCONT)
                promise.remove()

    def _pinned(self, pid: int) -> Stranger:
        """Pin a component or a container: every one is a child of the supervisor."""
        try:
            return Stranger(pid, lambda: parent_of(pid) == self._supervisor)
        except ProcessLookupError:
            raise _gone(pid) from None


async def container_pid(client: Client, namespace: str, pod: str, container: str | None = None) -> int:
    """Return the process id of a container on a process node; of the first one unless named."""
    found = await client.get(POD, pod, namespace)
    for status in found.get("status", {}).get("containerStatuses") or []:
        if container in {None, status["name"]} and _runs(status):
            return int(status["containerID"].removeprefix(_SCHEME))
    raise NoSuchProcessError(
        f"pod {namespace}/{pod} has no process for container {container or 'any'}: it does not run, is only"
        " simulated, or the node's containers are no processes"
    )


def _runs(status: Object) -> bool:
    identity = status.get("containerID", "").removeprefix(_SCHEME)
    return "running" in status.get("state", {}) and identity.isdecimal()


def _hit(process: Stranger, pid: int, number: int) -> None:
    if not process.signal(number):
        raise _gone(pid)


def _until_stopped(pid: int) -> None:
    try:
        eventually(lambda: is_stopped(pid), f"process {pid} stops", within=_STOP_SECONDS)
    except EventuallyError:
        raise NotPossibleError(
            f"process {pid} goes on {_STOP_SECONDS:g} s after SIGSTOP: it may wait for a disk", timed_out=True
        ) from None


def _gone(pid: int) -> NoSuchProcessError:
    return NoSuchProcessError(f"process {pid} has ended already")


_BACK_SECONDS: Final = 150.0
_LOOK_SECONDS: Final = 0.05
_NAMES: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "registry")


class Components:
    """The processes of one cluster's control plane and its registry, by name as their log files have them.

    Works from any process: the supervisor owns them, and a lock tells it which of them are meant to be down.
    The kernel frees the lock of one who is killed, and the component is started again.
    """

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self._supervisor = cluster.pid
        self._layout = Layout.at(cluster.state)
        self._signals = Signals(cluster)

    @property
    def names(self) -> tuple[str, ...]:
        """What can be taken down."""
        return _NAMES

    def pid(self, name: str) -> int:
        """Return the process id of a component; NoSuchProcessError where it does not run."""
        found = [child.pid for child in _children_of(self._supervisor) if _program(child) == name]
        if not found:
            raise NoSuchProcessError(
                f"no {name} runs in the cluster at {self._layout.root}: known are {', '.join(_NAMES)}"
            )
        return found[0]

    @asynccontextmanager
    async def down(self, name: str) -> AsyncIterator[None]:
        """Kill a component and keep it down while the block runs; return when it is back."""
        pid, lock = self.pid(name), self._layout.down(name, "faults", timeout=_BACK_SECONDS)
        await lock.acquire_async()
        try:
            self._signals.kill(pid)
            await self._until(self._layout.fallen(name).exists, f"{name} does not go, though killed")
            yield
        finally:
            lock.remove()
            if self._layout.exists():
                await self._until(lambda: self._runs_again(name, pid), f"{name} does not come back")

    async def restart(self, name: str) -> None:
        """Kill a component, and return when the next one runs; whether it answers yet is not looked at."""
        async with self.down(name):
            pass

    def _runs_again(self, name: str, former: int) -> bool:
        with suppress(NoSuchProcessError):
            return self.pid(name) != former
        return False

    async def _until(self, claim: Callable[[], bool], complaint: str) -> None:
        try:
            async with asyncio.timeout(_BACK_SECONDS):
                while not claim():  # noqa: ASYNC110 - it is not our child: nobody tells us
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            log = self._layout.log("supervisor")
            message = f"{complaint} within {_BACK_SECONDS:g} s: see {log}"
            raise NotBackError(message, timed_out=True) from None


def _children_of(supervisor: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(supervisor).children()
    return []


def _program(process: psutil.Process) -> str:
    """Return the name of the program a process runs; empty when it has ended."""
    with suppress(psutil.Error):
        return Path(next(iter(process.cmdline()), "")).name
    return ""
