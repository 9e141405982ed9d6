"""A container's process: a real one with all that it starts, or the pretence that a rule asks for."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Protocol

from kyma_harness.host.descendants import end_marked
from kyma_harness.host.process import Child, spawn
from kyma_harness.node.containers.launch import MARK, Launch
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.rules.rules import Rule


class Process(Protocol):
    """What a container's life needs of its process."""

    @property
    def pid(self) -> int:
        """The process id, 0 where there is no process."""
        ...

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal, None while it runs."""
        ...

    async def wait(self) -> int:
        """Wait for the end and return the exit code."""
        ...

    def terminate(self) -> None:
        """Ask it to end, it alone: what it has started is its own business."""
        ...

    async def end_all(self) -> None:
        """Kill it and whatever was started in the container, and wait until nothing of that is left."""
        ...


class HostProcess:
    """A process of this host; `mark` stands in the environment of all that belongs to the container."""

    def __init__(self, child: Child, mark: str) -> None:
        self._child = child
        self._mark = mark

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal, None while it runs."""
        return self._child.returncode

    async def wait(self) -> int:
        """Wait for the end and return the exit code."""
        return await self._child.wait()

    def terminate(self) -> None:
        """Send SIGTERM to the process, as a runtime sends it to process 1 alone."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    async def end_all(self) -> None:
        """Kill its group, and what hooks, probes and daemons have left outside of it."""
        self._child.signal(signal.SIGKILL)
        await self._child.wait()
        await asyncio.to_thread(end_marked, self._mark, MARK)


class SimulatedProcess:
    """Run nothing, until ended; what is to have an end has it at once."""

    pid = 0

    def __init__(self, *, ends: bool) -> None:
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        if ends:
            self.terminate()

    async def wait(self) -> int:
        """Wait until it is ended."""
        await self._ended.wait()
        return 0

    def terminate(self) -> None:
        """End it at once."""
        self.returncode = 0
        self._ended.set()

    async def end_all(self) -> None:
        """End it at once."""
        self.terminate()


async def start(name: str, rule: Rule, launch: Launch, log: ContainerLog, *, ends: bool) -> Process:
    """Start what stands for a container, without waiting for anything.

    `ends` tells that others wait for its end, so that a pretence must have one.

    Raises SpawnError when there is no such command.
    """
    if rule.simulate:
        log.write(f"simulated by {rule.where}: there is no process\n".encode())
        return SimulatedProcess(ends=ends)
    with log.write_end() as output:
        child = await spawn(
            launch.argv, name=name, env=launch.env, cwd=launch.cwd, stdout=output, root=launch.view.root
        )
    return HostProcess(child, launch.env[MARK])
