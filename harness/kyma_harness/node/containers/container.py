"""Keep one container of a pod running as its restart policy says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeloop.errors import ControllerError
from kubeloop.logs import get_logger
from kyma_harness.host.errors import HarnessError, SpawnError
from kyma_harness.node.containers.backoff import RestartBackoff
from kyma_harness.node.containers.handlers import Handlers, Target
from kyma_harness.node.containers.launch import Launch, Launcher, termination_message_path
from kyma_harness.node.containers.life import Life
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.containers.processes import start
from kyma_harness.node.containers.reporting import Reporter
from kyma_harness.node.errors import ContainerConfigError, ImageError
from kyma_harness.node.folders import first_bytes
from kyma_harness.node.rules.rules import Rule, Rules
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.states import Running, Terminated, now

log = get_logger(__name__)
_START_ERROR = 128  # the exit code by which a runtime says that there was no process at all
_MESSAGE_BYTES, _MESSAGE_LINES, _MESSAGE_LOG_BYTES = 4096, 80, 2048
_TRY_AGAIN_SECONDS = 2.0
_KEPT_LOGS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerTools:
    """What the containers of all pods share."""

    rules: Rules
    launcher: Launcher
    handlers: Handlers
    new_backoff: Callable[[], RestartBackoff]


class ContainerRunner:
    """Start a container, watch it, end it, start it again.

    `restart` is Always, OnFailure or Never; `grace` the seconds it gets to end; `annotate` tells the API
    server of ports and simulations that the sandbox has gained.
    """

    def __init__(
        self,
        container: Mapping[str, Any],
        *,
        restart: str,
        grace: float,
        sandbox: Sandbox,
        tools: ContainerTools,
        reporter: Reporter,
        annotate: Callable[[], Awaitable[None]],
    ) -> None:
        self.record = reporter.record
        self.logs: list[ContainerLog] = []
        self._container = container
        self._restart = restart
        self.grace = grace
        self._sandbox = sandbox
        self._tools = tools
        self._reporter = reporter
        self._annotate = annotate
        self._backoff = tools.new_backoff()
        self._life: Life | None = None
        self._stopping = False
        self._replaced = asyncio.Event()
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> Terminated | None:
        """Run until it has ended for good; return how, None if it never ran."""
        ended = None
        while prepared := await self._prepared():
            ended = await self._live(*prepared)
            if not self._is_to_restart(ended):
                break
            await self._back_off(ended)
        if ended:
            self._reporter.state(ended)
        return ended

    def update(self, container: Mapping[str, Any]) -> None:
        """Take over a changed definition: a new image means a restart, and nothing else can change."""
        if container["image"] != self._container["image"]:
            self._container = container
            self.record.image = container["image"]
            self._backoff.reset()
            self._replaced.set()
            self._hurry.set()
            self._wake.set()

    def wake(self) -> None:
        """Try again now, if it waits for something to appear."""
        self._wake.set()

    async def stop(self, grace: float) -> None:
        """End it for good; a second call may shorten the grace."""
        self._stopping = True
        self._hurry.set()
        self._wake.set()
        if self._life and not self._life.is_over:
            self._reporter.event("Normal", "Killing", f"Stopping container {self.record.name}")
            await self._life.end(grace)

    async def _prepared(self) -> tuple[Rule, Launch] | None:
        """Return what to start, however long it takes to become possible; None once it is to stop."""
        while not self._stopping:
            for event in (self._wake, self._hurry, self._replaced):
                event.clear()
            try:
                prepared = await self._prepare()
            except ImageError as error:
                # Rules stay as they are while the node runs: only another image helps.
                await self._wait_because("ErrImagePull", error, None)
            except ContainerConfigError as error:
                await self._wait_because("CreateContainerConfigError", error, _TRY_AGAIN_SECONDS)
            except (HarnessError, ControllerError) as error:
                await self._wait_because("CreateContainerError", error, _TRY_AGAIN_SECONDS)
            except Exception as error:
                # Whatever it is: a container that cannot be started is told, tried again, and can be deleted.
                log.exception("container not prepared", container=self.record.name)
                await self._wait_because("CreateContainerError", error, _TRY_AGAIN_SECONDS)
            else:
                # It was asked to stop while the API server was asked: there is nothing to end yet.
                return None if self._stopping else prepared
        return None

    async def _prepare(self) -> tuple[Rule, Launch]:
        rule = self._tools.rules.match(self.record.image)
        self.record.image_id = f"process-rule://{rule.source.name}#{rule.position}"
        if self._sandbox.admit(rule, self.record.name):
            await self._annotate()
        launch = await self._tools.launcher.prepare(self._container, rule, self._sandbox)
        self._reporter.event("Normal", "Pulled", f'Image "{self.record.image}" is run by {rule.where}')
        return rule, launch

    async def _live(self, rule: Rule, launch: Launch) -> Terminated:
        log, begun = self._new_log(), now()
        try:
            process = await start(self.record.name, rule, launch, log)
        except SpawnError as error:
            self._reporter.event("Warning", "Failed", f"Error: {error}")
            log.close_now()
            return self._terminated(_START_ERROR, "StartError", str(error), begun)
        self._begin(process.pid)
        target = Target(container=self._container, launch=launch, sandbox=self._sandbox)
        self._life = Life(
            process, target, handlers=self._tools.handlers, reporter=self._reporter, grace=self.grace
        )
        self._reporter.state(Running(begun))
        try:
            code = await self._life.run(self._replaced)
        finally:
            await log.close()
        exit_code = code if code >= 0 else 128 - code
        reason = "Error" if exit_code else "Completed"
        return self._terminated(exit_code, reason, self._last_words(exit_code, launch, log), begun)

    def _begin(self, pid: int) -> None:
        if self.record.container_id:
            self.record.restart_count += 1
        self.record.container_id = f"process://{pid or f'simulated-{self.record.restart_count}'}"
        self._reporter.event("Normal", "Created", f"Created container {self.record.name}")
        self._reporter.event("Normal", "Started", f"Started container {self.record.name}")

    def _terminated(self, exit_code: int, reason: str, message: str, begun: datetime) -> Terminated:
        self.record.container_id = self.record.container_id or "process://none"
        ended = Terminated(
            exit_code=exit_code, reason=reason, message=message, started_at=begun, finished_at=now(),
            container_id=self.record.container_id,
        )  # fmt: skip
        self._reporter.state(ended)
        return ended

    def _last_words(self, exit_code: int, launch: Launch, log: ContainerLog) -> str:
        path = launch.mounts.host_path(termination_message_path(self._container))
        words = first_bytes(path, _MESSAGE_BYTES).decode(errors="replace") if path else ""
        fallback = self._container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if not words and fallback and exit_code:
            return log.tail(_MESSAGE_LINES)[-_MESSAGE_LOG_BYTES:]
        return words

    def _is_to_restart(self, ended: Terminated) -> bool:
        if self._stopping:
            return False
        return self._restart == "Always" or (self._restart == "OnFailure" and not ended.succeeded)

    async def _back_off(self, ended: Terminated) -> None:
        self.record.last = ended
        delay = self._backoff.delay(ran_for=(ended.finished_at - ended.started_at).total_seconds())
        if delay and not self._hurry.is_set():
            facts = self._sandbox.facts
            failed = f"container={self.record.name} pod={facts.name}_{facts.namespace}({facts.uid})"
            self._reporter.waiting("CrashLoopBackOff", f"back-off {delay:g}s restarting failed {failed}")
            self._reporter.event("Warning", "BackOff", f"Back-off restarting failed {failed}")
            await self._pause(self._hurry, delay)

    async def _wait_because(self, reason: str, error: Exception, seconds: float | None) -> None:
        self._reporter.waiting(reason, str(error))
        self._reporter.event("Warning", "Failed", f"Error: {reason}: {error}")
        await self._pause(self._wake, seconds)

    async def _pause(self, until: asyncio.Event, seconds: float | None) -> None:
        """Wait for an event, so long at most, and not at all once it is to stop."""
        if not self._stopping:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await until.wait()

    def _new_log(self) -> ContainerLog:
        start = self.record.restart_count + (1 if self.record.container_id else 0)
        self.logs.append(ContainerLog(self._sandbox.log_path(self.record.name, start)))
        for old in self.logs[:-_KEPT_LOGS]:
            old.remove()
        del self.logs[:-_KEPT_LOGS]
        return self.logs[-1]
