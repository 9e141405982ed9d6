"""Stop processes for a while, and end them, without hitting another that has their id by now."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from kubeloop.client import Client
from kubeloop.kinds import POD
from kubeloop.resource import Object
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.embedded.repairs import Repair, Repairs
from kyma_harness.faults.errors import NoSuchProcessError, NotPossibleError
from kyma_harness.host.pinned_process import Stranger, is_stopped, parent_of
from kyma_harness.wait.eventually import EventuallyError, eventually

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
