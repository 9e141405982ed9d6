"""One life of a container: from its process' start to its end, with hooks and probes."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from kyma_harness.node.containers.handlers import Handlers, Target
from kyma_harness.node.containers.prober import probe_forever
from kyma_harness.node.containers.probes import Probe, ProbeKind, probe_of
from kyma_harness.node.containers.processes import Process, SimulatedProcess
from kyma_harness.node.containers.reporting import Reporter

_HOOK_LIMIT = 60.0


class Life:
    """Watch one process of a container; `grace` is the seconds it gets to end when a probe condemns it."""

    def __init__(
        self, process: Process, target: Target, *, handlers: Handlers, reporter: Reporter, grace: float
    ) -> None:
        self._process = process
        self._target = target
        self._handlers = handlers
        self._reporter = reporter
        self._grace = grace

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self._process.returncode is not None

    async def run(self, replaced: asyncio.Event) -> int:
        """Wait for the end and return the exit code; `replaced` set means that it is to be ended.

        Cancelled, it leaves no process behind.
        """
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch())
                replacing = group.create_task(self._end_when(replaced))
                code = await self._process.wait()
                watching.cancel()
                replacing.cancel()
        finally:
            if not self.is_over:
                await self._process.terminate(0)
            self._reporter.health(started=False, ready=False)
        return code

    async def end(self, grace: float) -> None:
        """Run the preStop hook, send SIGTERM, and SIGKILL when the grace is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        hook = self._hook("preStop")
        if hook and grace > 0:
            answer = await self._handlers.ask(hook, self._target, limit=grace)
            if not answer.success:
                self._reporter.event("Warning", "FailedPreStopHook", f"PreStopHook failed: {answer.message}")
        await self._process.terminate(max(0.0, deadline - loop.time()))

    async def _watch(self) -> None:
        if isinstance(self._process, SimulatedProcess):
            self._reporter.health(started=True, ready=True)
            return
        if not await self._post_start():
            return
        if probe := self._probe_of(ProbeKind.STARTUP):
            await self._probe(probe)
        self._reporter.health(started=True, ready=not self._probe_of(ProbeKind.READINESS))
        async with asyncio.TaskGroup() as group:
            for kind in (ProbeKind.READINESS, ProbeKind.LIVENESS):
                if probe := self._probe_of(kind):
                    group.create_task(self._probe(probe))

    async def _probe(self, probe: Probe) -> None:
        """Act on a probe's verdicts; return when it has been asked for the last time."""
        verdicts = probe_forever(probe, self._target, self._handlers, on_failure=self._unhealthy)
        async with aclosing(verdicts):
            async for healthy in verdicts:
                if probe.kind is ProbeKind.READINESS:
                    self._reporter.health(started=True, ready=healthy)
                elif not healthy:
                    grace = self._grace if probe.grace is None else probe.grace
                    await self._restart(f"failed {probe.kind} probe", grace)
                elif probe.kind is ProbeKind.STARTUP:
                    return

    def _unhealthy(self, probe: Probe, message: str) -> None:
        self._reporter.event("Warning", "Unhealthy", f"{probe.kind.capitalize()} probe failed: {message}")

    async def _post_start(self) -> bool:
        hook = self._hook("postStart")
        if not hook:
            return True
        answer = await self._handlers.ask(hook, self._target, limit=_HOOK_LIMIT)
        if not answer.success:
            self._reporter.event("Warning", "FailedPostStartHook", f"PostStartHook failed: {answer.message}")
            await self._restart("failed its postStart hook", self._grace)
        return answer.success

    async def _end_when(self, replaced: asyncio.Event) -> None:
        await replaced.wait()
        await self._restart("has another image now", self._grace)

    async def _restart(self, why: str, grace: float) -> None:
        """End the process; whether it is started again is the restart policy's to say."""
        self._reporter.event("Normal", "Killing", f"Container {self._reporter.record.name} {why}")
        await self.end(grace)
        await self._process.wait()

    def _probe_of(self, kind: ProbeKind) -> Probe | None:
        return probe_of(self._target.container, kind)

    def _hook(self, name: str) -> Mapping[str, Any] | None:
        if isinstance(self._process, SimulatedProcess):
            return None
        hook: Mapping[str, Any] | None = (self._target.container.get("lifecycle") or {}).get(name)
        return hook
