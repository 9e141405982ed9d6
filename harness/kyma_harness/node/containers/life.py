"""One life of a container: from its process' start to its end, with hooks and probes."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from kubeloop.events import EventType
from kyma_harness.node.containers.handlers import Handlers, Target
from kyma_harness.node.containers.probes import Answer, Probe, ProbeKind, probe_forever, probe_of
from kyma_harness.node.containers.processes import Process, SimulatedProcess
from kyma_harness.node.grace import Grace
from kyma_harness.node.states import now

# However little of the grace is left, a process that was sent SIGTERM gets so many seconds to end.
_SHORTEST = 2.0


class Witness(Protocol):
    """Whoever is told of what happens in a life."""

    def begun(self) -> None:
        """Take in that the postStart hook has done its part: the container is running."""

    def health(self, *, started: bool, ready: bool) -> None:
        """Take in what the probes say."""

    def event(self, kind: EventType, reason: str, message: str) -> None:
        """Take in an Event of the container."""


class Life:
    """Watch one process of a container, and end it when asked to.

    `grace` is the seconds it gets to end when a probe or hook condemns it. Before it is sent SIGTERM,
    `turn` is waited for: a sidecar outlives those that it serves.
    """

    def __init__(
        self,
        process: Process,
        target: Target,
        *,
        handlers: Handlers,
        witness: Witness,
        grace: float,
        turn: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self.begun_at = now()
        self.is_condemned = False
        self._process = process
        self._target = target
        self._handlers = handlers
        self._witness = witness
        self._grace = grace
        self._turn = turn
        self._clock = asyncio.get_running_loop().time
        self._born = self._clock()
        self._ending = Grace()
        self._has_started = asyncio.Event()

    def end(self, seconds: float, why: str) -> None:
        """Have the process ended within so many seconds; a second call may shorten them."""
        if self._process.returncode is not None:
            return
        if not self._ending.is_asked:
            self._witness.event("Normal", "Killing", why)
        self._ending.ask(seconds)

    async def run(self) -> int:
        """Wait until the process has ended, by itself or because it was asked to; return its exit code.

        Whatever way this ends, also cancelled, it leaves no process behind.
        """
        try:
            async with asyncio.TaskGroup() as group:
                # Until the end is the end readiness is asked for: who ends may be unready first.
                readiness = group.create_task(self._watch_readiness())
                async with self._ending.until_asked():
                    await self._while_it_lives(self._watch(), until_its_end=True)
                if self._process.returncode is None:
                    await self._end()
                readiness.cancel()
        finally:
            await self._process.end_all()
            self._witness.health(started=False, ready=False)
        return await self._process.wait()

    async def _end(self) -> None:
        """Run the preStop hook, wait for our turn, send SIGTERM, and wait until the grace is over."""
        grace, hook = self._ending, self._hook("preStop")
        if hook and grace.left > 0:
            async with grace.until_over():
                await self._while_it_lives(self._pre_stop(hook))
        async with grace.until_over():
            await self._while_it_lives(self._turn())
        self._process.terminate()
        async with grace.until_over(at_least=_SHORTEST):
            await self._process.wait()

    async def _watch(self) -> None:
        if isinstance(self._process, SimulatedProcess):
            self._witness.begun()
            self._has_started.set()
            return
        if (hook := self._hook("postStart")) and not await self._post_start(hook):
            return
        self._witness.begun()
        if probe := self._probe(ProbeKind.STARTUP):
            await self._obey(probe)
        self._has_started.set()
        if probe := self._probe(ProbeKind.LIVENESS):
            await self._obey(probe)

    async def _watch_readiness(self) -> None:
        await self._has_started.wait()
        probe = None if isinstance(self._process, SimulatedProcess) else self._probe(ProbeKind.READINESS)
        self._witness.health(started=True, ready=probe is None)
        if probe:
            verdicts = self._verdicts(probe)
            async with aclosing(verdicts):
                async for ready in verdicts:
                    self._witness.health(started=True, ready=ready)

    async def _obey(self, probe: Probe) -> None:
        """End the process when the probe fails; return when it has been asked for the last time."""
        verdicts = self._verdicts(probe)
        async with aclosing(verdicts):
            async for healthy in verdicts:
                if not healthy:
                    self.is_condemned = True
                    grace = self._grace if probe.grace is None else probe.grace
                    self.end(grace, f"Container {self._name} failed {probe.kind} probe")
                elif probe.kind is ProbeKind.STARTUP:
                    return

    def _verdicts(self, probe: Probe) -> AsyncGenerator[bool, None]:
        async def ask() -> Answer:
            return await self._handlers.probe(probe.handler, self._target, limit=probe.timeout)

        return probe_forever(probe, ask, since=self._born, heard=self._heard)

    def _heard(self, probe: Probe, answer: Answer) -> None:
        kind = probe.kind.capitalize()
        if not answer.success:
            self._witness.event("Warning", "Unhealthy", f"{kind} probe failed: {answer.message}")
        elif answer.message:
            self._witness.event("Warning", "ProbeWarning", f"{kind} probe warning: {answer.message}")

    async def _post_start(self, hook: Mapping[str, Any]) -> bool:
        answer = await self._handlers.run_hook(hook, self._target)
        if not answer.success:
            self._witness.event("Warning", "FailedPostStartHook", f"PostStartHook failed: {answer.message}")
            self.end(self._grace, "FailedPostStartHook")
        return answer.success

    async def _pre_stop(self, hook: Mapping[str, Any]) -> None:
        answer = await self._handlers.run_hook(hook, self._target)
        if not answer.success:
            self._witness.event("Warning", "FailedPreStopHook", f"PreStopHook failed: {answer.message}")

    async def _while_it_lives(self, doing: Coroutine[Any, Any, None], *, until_its_end: bool = False) -> None:
        """Do something for as long as the process lives; go on waiting for its end where asked to."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(doing)
            end = group.create_task(self._process.wait())
            await asyncio.wait({end} if until_its_end else {task, end}, return_when=asyncio.FIRST_COMPLETED)
            task.cancel()
            end.cancel()

    def _probe(self, kind: ProbeKind) -> Probe | None:
        return probe_of(self._target.container, kind)

    def _hook(self, name: str) -> Mapping[str, Any] | None:
        if isinstance(self._process, SimulatedProcess):
            return None
        hook: Mapping[str, Any] | None = (self._target.container.get("lifecycle") or {}).get(name)
        return hook

    @property
    def _name(self) -> str:
        return str(self._target.container["name"])
