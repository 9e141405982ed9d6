"""Keep one container of a pod running as its restart policy says: one task, always in one of four stages."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeloop.errors import ControllerError
from kubeloop.events import EventRecorder, EventType
from kubeloop.logs import get_logger
from kubeloop.queue import Backoff
from kyma_harness.host.errors import HarnessError, SpawnError
from kyma_harness.node import states
from kyma_harness.node.containers.handlers import Handlers, Target
from kyma_harness.node.containers.launch import Launch, Launcher, termination_message_path
from kyma_harness.node.containers.life import Life
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.containers.processes import start
from kyma_harness.node.containers.restarts import RestartBackoff, RestartPolicy
from kyma_harness.node.errors import ContainerConfigError, ImageError
from kyma_harness.node.folders import first_bytes
from kyma_harness.node.grace import Grace
from kyma_harness.node.rules.rules import Rule, Rules
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.states import ContainerRecord, Terminated, Waiting, now

log = get_logger(__name__)
_START_ERROR = 128  # the exit code by which a runtime says that there was no process at all
_LOST = 137  # that of a container of which nobody knows how it ended
_MESSAGE_BYTES, _MESSAGE_LINES, _MESSAGE_LOG_BYTES = 4096, 80, 2048
_TRY_AGAIN = Backoff(base=0.2, maximum=5.0)
_KEPT_LOGS = 2
INIT = "spec.initContainers"
"""The field of the pod in which a container is named that comes before all others."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """There is no process: what it takes is gathered, or waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """There is a process, or there was until a moment ago."""

    life: Life
    launch: Launch
    log: ContainerLog


@dataclass(frozen=True, slots=True)
class BackingOff:
    """There is no process, and there will be one again when it has waited long enough."""

    ended: Terminated


@dataclass(frozen=True, slots=True)
class Over:
    """There is no process and never will be; None as the end of one that never ran."""

    ended: Terminated | None


Stage = Preparing | Running | BackingOff | Over


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerTools:
    """What the containers of all pods share."""

    rules: Rules
    launcher: Launcher
    handlers: Handlers
    events: EventRecorder
    new_backoff: Callable[[], RestartBackoff]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodContext:
    """What a container needs of its pod.

    `grace` is the seconds it gets to end by itself; `announce` tells the API server of the sandbox's ports
    and simulations, `changed` is called when the pod's status is to be written anew, `turn` waits until those
    have ended that are to end before it.
    """

    sandbox: Sandbox
    field: str
    policy: RestartPolicy
    grace: float
    announce: Callable[[], Awaitable[None]]
    changed: Callable[[], None]
    turn: Callable[[], Coroutine[Any, Any, None]]


class Container:
    """Start a container, watch it, end it, start it again.

    One task does all of that: `run`. `stop`, `update` and `wake` may be called by anybody at any time; they
    cut off what it waits for, and it goes on to its next stage.
    """

    def __init__(self, container: Mapping[str, Any], *, context: PodContext, tools: ContainerTools) -> None:
        self.record = ContainerRecord(name=container["name"], image=container["image"])
        self.stage: Stage = Preparing()
        self.is_settled = False
        self._container = container
        self._pod = context
        self._tools = tools
        self._backoff = tools.new_backoff()
        self._is_stopping = False
        self._attempts = 0
        self._failures = 0  # to be started, in a row
        self._id = ""
        self._ends: list[Terminated] = []
        self._logs: dict[str, ContainerLog] = {}
        self._patience = Grace()
        self._woken = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether it has ended for good."""
        return isinstance(self.stage, Over)

    @property
    def has_succeeded(self) -> bool:
        """Whether it has ended for good, and well."""
        return isinstance(self.stage, Over) and self.stage.ended is not None and self.stage.ended.succeeded

    async def run(self) -> None:
        """Run until it is over. `is_settled` turns true before that, once a first start was tried."""
        try:
            while not isinstance(self.stage, Over):
                self._patience = Grace()
                self.stage = await self._next(self.stage)
        finally:
            self._settle()

    def stop(self, seconds: float) -> None:
        """End it for good within so many seconds; a second call may shorten them."""
        self._is_stopping = True
        self._interrupt(seconds, f"Stopping container {self.record.name}")

    def update(self, container: Mapping[str, Any]) -> None:
        """Take over a changed definition: a new image means a restart, and nothing else can change."""
        if container["image"] != self._container["image"]:
            self._container = container
            self.record.image = container["image"]
            self._backoff.reset()
            self.record.replaced = True
            message = f"Container {self.record.name} definition changed, will be restarted"
            self._interrupt(self._pod.grace, message)

    def wake(self) -> None:
        """Try again now, if it waits for something to appear."""
        self._woken.set()

    def take_up(self, reported: Mapping[str, Any]) -> None:
        """Go on counting from what an earlier life of the node reported."""
        before = int(reported.get("restartCount", 0))
        self.record.restart_count = before
        self._attempts = before + 1 if reported.get("containerID") else before

    def find_log(self, *, previous: bool) -> ContainerLog:
        """Return the log of the container, or that of its start before, as its status tells them apart.

        Raises LookupError with the reason why there is none.
        """
        state, last = self.record.state, self.record.last
        if previous:
            container_id = last.container_id if last else ""
            missing = f'previous terminated container "{self.record.name}" in pod "{self._name}" not found'
        elif isinstance(state, Waiting):
            container_id = last.container_id if last else ""
            missing = (
                f'container "{self.record.name}" in pod "{self._name}" is waiting to start: {state.reason}'
            )
        else:
            container_id = self.record.container_id
            missing = f'container "{self.record.name}" in pod "{self._name}" has no log'
        if container_id not in self._logs:
            raise LookupError(missing)
        return self._logs[container_id]

    def _interrupt(self, seconds: float, why: str) -> None:
        if isinstance(self.stage, Running):
            self.stage.life.end(seconds, why)
        self._patience.ask(0)

    async def _next(self, stage: Stage) -> Stage:
        match stage:
            case Running():
                return await self._live(stage)
            case BackingOff(ended):
                return await self._back_off(ended)
            case _:
                return await self._prepare()

    async def _prepare(self) -> Stage:
        """Start it as soon as that can be; what keeps it from starting is told and tried again."""
        if self._is_stopping:
            return self._over()
        self._woken.clear()
        async with self._patience.until_asked():
            try:
                return await self._start()
            except Exception as error:
                # Whatever it is: a container that cannot be started is told, tried again, and can be deleted.
                if not isinstance(error, (HarnessError, ControllerError, OSError)):
                    log.exception("container not started", container=self.record.name, pod=self._name)
                self._tell_failure(_reason(error), str(error) or repr(error))
                # Rules stay as they are while the node runs: only another image helps.
                self._failures += 1
                seconds = None if isinstance(error, ImageError) else _TRY_AGAIN.delay(self._failures)
            self._settle()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
        return Preparing()

    async def _start(self) -> Stage:
        declared = {one["containerPort"] for one in self._container.get("ports") or ()}
        rule = self._tools.rules.match(self.record.image, declared)
        self.record.image_id = f"process-rule://{rule.source.name}#{rule.position}"
        self._pod.sandbox.admit(rule, self.record.name)
        await self._pod.announce()
        launch = await self._tools.launcher.prepare(
            self._container, rule, self._pod.sandbox, attempt=self._attempts
        )
        if self._patience.is_asked:
            return Preparing()  # it was interrupted just now: nothing is to be started for nothing
        self._event("Normal", "Pulled", f'Image "{self.record.image}" is run by {rule.where}')
        return await self._started(rule, launch)

    async def _started(self, rule: Rule, launch: Launch) -> Stage:
        """Start the process. Nothing is waited for here, or it could be lost to an interruption."""
        output = ContainerLog(self._pod.sandbox.log_path(self.record.name, self._attempts))
        begun_at = now()
        try:
            process = await start(self.record.name, rule, launch, output, ends=self._ends_by_itself)
        except SpawnError as error:
            output.close_now()
            self._count(f"none-{self._attempts}", output)
            self._event("Warning", "Failed", f"Error: {error}")
            return self._after(self._ended(_START_ERROR, "StartError", str(error), begun_at))
        except BaseException:
            output.close_now()
            raise
        self._count(str(process.pid or f"simulated-{self._attempts}"), output)
        self.record.has_process = True
        self._event("Normal", "Created", f"Created container {self.record.name}")
        self._event("Normal", "Started", f"Started container {self.record.name}")
        target = Target(pid=process.pid, container=self._container, launch=launch, sandbox=self._pod.sandbox)
        life = Life(
            process,
            target,
            handlers=self._tools.handlers,
            witness=self,
            grace=self._pod.grace,
            turn=self._pod.turn,
        )
        return Running(life=life, launch=launch, log=output)

    def _count(self, number: str, output: ContainerLog) -> None:
        """Count a start: it has an id and a log."""
        self._failures = 0
        self.record.replaced = False
        self._attempts += 1
        self._id = f"process://{number}"
        self._logs[self._id] = output
        for old in list(self._logs)[:-_KEPT_LOGS]:
            self._logs.pop(old).remove()

    async def _live(self, running: Running) -> Stage:
        code, message = _LOST, ""
        try:
            code = await running.life.run()
        except Exception as error:
            # The process is gone; what is left to do is to tell, and to start it again as the policy says.
            log.exception("container lost", container=self.record.name, pod=self._name)
            message = repr(error)
        finally:
            self.record.has_process = False
            self._pod.changed()
            await running.log.close()
        exit_code = code if code >= 0 else 128 - code
        reason = "ContainerStatusUnknown" if message else "Error" if exit_code else "Completed"
        message = message or self._last_words(exit_code, running.launch, running.log)
        ended = self._ended(exit_code, reason, message, running.life.begun_at)
        return self._after(ended, condemned=running.life.is_condemned)

    def _ended(self, exit_code: int, reason: str, message: str, begun_at: datetime) -> Terminated:
        ended = Terminated(
            exit_code=exit_code, reason=reason, message=states.printable(message), started_at=begun_at,
            finished_at=now(), container_id=self._id,
        )  # fmt: skip
        self._ends = [*self._ends[-1:], ended]
        self._report(ended)
        return ended

    def _after(self, ended: Terminated, *, condemned: bool = False) -> Stage:
        self._settle()
        restarts = self.record.replaced or self._pod.policy.restarts_after(
            ended.exit_code, condemned=condemned
        )
        return BackingOff(ended) if restarts else self._over()

    async def _back_off(self, ended: Terminated) -> Stage:
        delay = self._backoff.delay(ran_for=(ended.finished_at - ended.started_at).total_seconds())
        if delay and not self._is_stopping:
            facts = self._pod.sandbox.facts
            failed = f"container={self.record.name} pod={facts.name}_{facts.namespace}({facts.uid})"
            self._wait("CrashLoopBackOff", f"back-off {delay:g}s restarting failed {failed}")
            self._event("Warning", "BackOff", f"Back-off restarting failed {failed}")
            async with self._patience.until_asked():
                await asyncio.sleep(delay)
        return Preparing()

    def _over(self) -> Stage:
        """Be over: the last word is how it ended, also where it was waiting to be started again."""
        if self._ends:
            self._report(self._ends[-1])
        return Over(self._ends[-1] if self._ends else None)

    def begun(self) -> None:
        """Take in that the container is running: its postStart hook has done its part."""
        self._report(states.Running(self.stage.life.begun_at if isinstance(self.stage, Running) else now()))
        self._settle()

    def health(self, *, started: bool, ready: bool) -> None:
        """Take in what the probes say."""
        self.record.started, self.record.ready = started, ready
        self._pod.changed()

    def event(self, kind: EventType, reason: str, message: str) -> None:
        """Record an Event of this container."""
        self._event(kind, reason, message)

    def _event(self, kind: EventType, reason: str, message: str) -> None:
        subject, field = dict(self._pod.sandbox.facts.pod), f"{self._pod.field}{{{self.record.name}}}"
        self._tools.events.record(subject, kind, reason, states.printable(message), field=field)

    def _tell_failure(self, reason: str, message: str) -> None:
        self._wait(reason, message)
        self._event("Warning", "Failed", f"Error: {reason}: {message}")

    def _wait(self, reason: str, message: str) -> None:
        self._report(Waiting(reason, states.printable(message)))

    def _report(self, state: states.State) -> None:
        """Report a state, and as the one before it the last end; of an end the one before that."""
        before = self._ends[-2:-1] if isinstance(state, Terminated) else self._ends[-1:]
        self.record.state, self.record.last = state, before[0] if before else None
        if not isinstance(state, Waiting):
            self.record.container_id = state.container_id if isinstance(state, Terminated) else self._id
            self.record.restart_count = self._attempts - 1
        self._pod.changed()

    def _settle(self) -> None:
        self.is_settled = True
        self._pod.changed()

    def _last_words(self, exit_code: int, launch: Launch, output: ContainerLog) -> str:
        path = launch.view.mounts.host_path(termination_message_path(self._container))
        words = first_bytes(path, _MESSAGE_BYTES).decode(errors="replace") if path else ""
        fallback = self._container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if not words and fallback and exit_code:
            return output.tail(_MESSAGE_LINES)[-_MESSAGE_LOG_BYTES:]
        return words

    @property
    def _ends_by_itself(self) -> bool:
        """Whether the rest of the pod waits for its end: that of an init container that is no sidecar."""
        return self._pod.field == INIT and self._container.get("restartPolicy") != "Always"

    @property
    def _name(self) -> str:
        return self._pod.sandbox.facts.name


def _reason(error: Exception) -> str:
    """Return what a container waits for that could not be started, as a kubelet calls it."""
    match error:
        case ImageError():
            return "ErrImagePull"
        case ContainerConfigError():
            return "CreateContainerConfigError"
    return "CreateContainerError"
