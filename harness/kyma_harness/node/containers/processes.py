"""A container's process: a real one, or the pretence that a rule asks for."""

import asyncio
from typing import Protocol

from kyma_harness.host.process import spawn
from kyma_harness.node.containers.launch import Launch
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.rules.rules import Rule


class Process(Protocol):
    """What a container's life needs of its process; kyma_harness.host's Child is one."""

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

    async def terminate(self, grace: float) -> int:
        """Send SIGTERM, after so many seconds SIGKILL, and return the exit code."""
        ...


class SimulatedProcess:
    """Run nothing, until ended."""

    pid = 0

    def __init__(self) -> None:
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """Wait until it is ended."""
        await self._ended.wait()
        return 0

    async def terminate(self, grace: float) -> int:  # noqa: ARG002 - a real process needs it
        """End it at once."""
        self.returncode = 0
        self._ended.set()
        return 0


async def start(name: str, rule: Rule, launch: Launch, log: ContainerLog) -> Process:
    """Start what stands for a container; raises SpawnError when there is no such command."""
    if rule.simulate:
        log.write(f"simulated by {rule.where}: there is no process\n".encode())
        return SimulatedProcess()
    with log.write_end() as output:
        return await spawn(launch.argv, name=name, env=launch.env, cwd=launch.cwd, stdout=output)
