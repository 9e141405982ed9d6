"""Take components of an embedded cluster down, and bring them back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.faults.errors import NoSuchProcessError, NotBackError
from kyma_harness.faults.signals import Signals

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
