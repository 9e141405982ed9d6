"""Run one pod from its arrival on the node to its removal."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ControllerError, InvalidError, NotFoundError
from kubeloop.logs import get_logger
from kubeloop.resource import Object, is_deleting
from kyma_harness.node.containers.container import ContainerRunner, ContainerTools
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.containers.reporting import Reporter
from kyma_harness.node.events import EventRecorder
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.pods.api import PodApi
from kyma_harness.node.pods.containers import PodContainers
from kyma_harness.node.pods.status import PodPicture, is_over, status_of
from kyma_harness.node.pods.status_writer import StatusWriter
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.states import ContainerRecord, now, timestamp
from kyma_harness.node.volumes.keeper import VolumeKeeper, shown_to_containers

log = get_logger(__name__)
_DELETE_RETRY = 0.5
_REMOVED_GRACE = 1.0  # of a pod that was deleted by force: its processes get a moment, not the whole grace


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTools:
    """What all pods of the node share."""

    client: Client
    events: EventRecorder
    containers: ContainerTools
    node_ip: str


class PodWorker:
    """Own one pod: one task runs it, `update` tells it what the API server says, `drain` ends it early."""

    def __init__(self, pod: Object, *, sandbox: Sandbox, tokens: PodTokens, tools: PodTools) -> None:
        self.sandbox = sandbox
        self._tools = tools
        self._stop_asked = asyncio.Event()
        self._deletion = asyncio.Event()
        self._gone = asyncio.Event()
        self._volumes = VolumeKeeper(sandbox.volumes, tokens, sandbox.facts, failed=self._mount_failed)
        self._grace: float | None = None
        self._drained = False
        self._was_over = is_over(pod.get("status") or {})
        self._verdict: tuple[str, str] | None = None
        self._started = str(pod.get("status", {}).get("startTime") or timestamp(now()))
        self._api = PodApi(tools.client, pod)
        self._writer = StatusWriter(self._api, self._status)
        self.containers = PodContainers(pod, self._runner, changed=self._writer.touch)
        if self._was_over:
            self._writer.silence()
        self.update(pod)

    @property
    def pod(self) -> Mapping[str, Any]:
        """The pod as the API server had it last."""
        return self.sandbox.facts.pod

    def update(self, pod: Object | None) -> None:
        """Take in what the API server says of the pod; None means that it is gone."""
        if pod is None:
            self._gone.set()
            self._deletion.set()
            self._end(_REMOVED_GRACE)
            return
        if shown_to_containers(pod) != shown_to_containers(self.pod):
            self._volumes.ask()
        self.sandbox.facts.pod = pod
        self.containers.update(pod)
        self._writer.seen(pod.get("status") or {})
        if is_deleting(pod):
            self._deletion.set()
            self._end(float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))

    def config_changed(self, kind: str, name: str) -> None:
        """Take in that a ConfigMap or Secret of the pod's namespace has changed."""
        if self._volumes.concerns(kind, name):
            self._volumes.ask()
            self.containers.wake()

    def find_log(self, container: str, *, previous: bool) -> ContainerLog:
        """Return a container's log, or that of its start before; raises LookupError with a sentence."""
        facts = self.sandbox.facts
        runner = self.containers.find(container)
        if runner is None:
            raise LookupError(f"pod {facts.namespace}/{facts.name} has no container {container}")
        logs = runner.logs[:-1] if previous else runner.logs
        if logs:
            return logs[-1]
        if previous:
            raise LookupError(f'previous terminated container "{container}" in pod "{facts.name}" not found')
        state = runner.record.state.to_api()
        reason = state.get("waiting", {}).get("reason", "unknown")
        raise LookupError(f'container "{container}" in pod "{facts.name}" is waiting to start: {reason}')

    def drain(self, grace: float) -> None:
        """End the pod's processes because the node ends; the API server is told nothing."""
        self._drained = True
        self._writer.silence()
        self._deletion.set()
        self._end(min(grace, self._own_grace))

    async def run(self) -> None:
        """Run the pod until it is gone from the API server, or drained."""
        try:
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(self._writer.run()),
                    group.create_task(self._stop_when_asked()),
                ]
                await self._live_whatever_happens()
                await self._deletion.wait()
                for task in background:
                    task.cancel()
            if not self._drained:
                await self._remove()
        finally:
            await self.sandbox.remove()

    async def _live_whatever_happens(self) -> None:
        """Run the containers; whatever is raised fails the pod, which then waits for its deletion."""
        try:
            with self._deadline():
                await self._live()
        except Exception as error:
            log.exception("pod failed", pod=str(self._api.key))
            message = f"the process node cannot run the pod: {error!r}"
            self._verdict = ("ProcessNodeError", message)
            self._tools.events.record(dict(self.pod), "Warning", "FailedSync", message)
            self._writer.touch()

    async def _live(self) -> None:
        if not self._was_over and await self._volumes.set_up():
            async with asyncio.TaskGroup() as beside:
                keeping = beside.create_task(self._volumes.keep())
                await self.containers.run()
                keeping.cancel()
        self._writer.touch()

    async def _stop_when_asked(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await self._stop_asked.wait()
                self._stop_asked.clear()
                group.create_task(self.containers.stop(self._grace or 0))

    def _end(self, grace: float) -> None:
        """Have the containers ended within the grace; a later, shorter grace wins."""
        if self._grace is None or grace < self._grace:
            self._grace = grace
            self._stop_asked.set()
            self._volumes.give_up()

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Fail the pod when its activeDeadlineSeconds are over."""
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            yield
            return
        passed = time.time() - datetime.fromisoformat(self._started).timestamp()
        timer = asyncio.get_running_loop().call_later(max(0, seconds - passed), self._exceed_deadline)
        try:
            yield
        finally:
            timer.cancel()

    def _exceed_deadline(self) -> None:
        message = "Pod was active on the node longer than the specified deadline"
        self._verdict = ("DeadlineExceeded", message)
        self._tools.events.record(dict(self.pod), "Normal", "DeadlineExceeded", message)
        self._end(self._own_grace)

    async def _remove(self) -> None:
        """Report how the pod ended, and let it go."""
        while not self._gone.is_set():
            try:
                await self._report_end()
                await self._api.remove()
            except NotFoundError:
                return
            except ControllerError as error:
                log.warning("pod not removed", pod=str(self._api.key), error=str(error))
                await asyncio.sleep(_DELETE_RETRY)
            except Exception:
                # Whatever it is: nobody else would let the pod go.
                log.exception("pod not removed", pod=str(self._api.key))
                await asyncio.sleep(_DELETE_RETRY)
            else:
                return

    async def _report_end(self) -> None:
        try:
            await self._writer.flush()
        except InvalidError as error:
            # The pod must go all the same.
            log.warning("last pod status refused", pod=str(self._api.key), error=str(error))

    async def _annotate(self) -> None:
        await self._api.annotate(self.sandbox)

    def _runner(
        self, container: Mapping[str, Any], *, field: str, restart: str, changed: Callable[[], None]
    ) -> ContainerRunner:
        reporter = Reporter(
            record=ContainerRecord(name=container["name"], image=container["image"]),
            sandbox=self.sandbox, events=self._tools.events, changed=changed, field=field,
        )  # fmt: skip
        return ContainerRunner(
            container, restart=restart, grace=self._own_grace, sandbox=self.sandbox,
            tools=self._tools.containers, reporter=reporter, annotate=self._annotate,
        )  # fmt: skip

    @property
    def _own_grace(self) -> float:
        return float(self.pod["spec"].get("terminationGracePeriodSeconds") or 0)

    def _status(self, sent: Mapping[str, Any]) -> Object:
        reported = (self.pod.get("status") or {}).get("conditions") or ()
        return status_of(
            PodPicture(
                pod=self.pod,
                init=[runner.record for runner in self.containers.init],
                main=[runner.record for runner in self.containers.main],
                sidecars=self.containers.sidecars,
                pod_ip=self.sandbox.facts.pod_ip,
                host_ip=self._tools.node_ip,
                start_time=self._started,
                ending=self._grace is not None,
                verdict=self._verdict,
                known={one["type"]: one for one in reported} | dict(sent),
            )
        )

    def _mount_failed(self, reason: str) -> None:
        self._tools.events.record(dict(self.pod), "Warning", "FailedMount", reason)
