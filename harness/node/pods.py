"""Run one pod from its arrival on the node to its removal."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controller.client import Client
from controller.errors import ConflictError, ControllerError, NotFoundError
from controller.kinds import POD
from controller.logs import get_logger
from controller.resource import Object, is_deleting
from harness.host.errors import HarnessError
from harness.node.annotations import ADDRESSES, SIMULATED
from harness.node.containers import ContainerRunner, ContainerTools
from harness.node.events import EventRecorder
from harness.node.logs import ContainerLog
from harness.node.pod_containers import PodContainers
from harness.node.pod_status import PodPicture, is_over, status_of
from harness.node.reporting import Reporter
from harness.node.sandbox import Sandbox
from harness.node.sources import config_references
from harness.node.states import ContainerRecord, now, timestamp
from harness.node.status_writer import StatusWriter
from harness.node.tokens import PodTokens

log = get_logger(__name__)
_MOUNT_RETRY = 0.2
_MOUNT_RETRY_LONGEST = 5.0
_REFRESH_RETRY = 2.0
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
        self._tokens = tokens
        self._tools = tools
        self._stop_asked = asyncio.Event()
        self._deletion = asyncio.Event()
        self._gone = asyncio.Event()
        self._refresh_asked = asyncio.Event()
        self._references = config_references(pod)
        self._grace: float | None = None
        self._drained = False
        self._was_over = is_over(pod.get("status") or {})
        self._verdict: tuple[str, str] | None = None
        self._started = str(pod.get("status", {}).get("startTime") or timestamp(now()))
        self._writer = StatusWriter(tools.client, pod, self._status)
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
        self.sandbox.facts.pod = pod
        self.containers.update(pod)
        self._refresh_asked.set()
        self._writer.touch()
        if is_deleting(pod):
            self._deletion.set()
            self._end(float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))

    def config_changed(self, kind: str, name: str) -> None:
        """Take in that a ConfigMap or Secret of the pod's namespace has changed."""
        if (kind, name) in self._references:
            self._refresh_asked.set()
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
                    group.create_task(self._keep_volumes()),
                ]
                with self._deadline():
                    await self._live()
                await self._deletion.wait()
                for task in background:
                    task.cancel()
            if not self._drained:
                await self._remove()
        finally:
            await self.sandbox.remove()

    async def _live(self) -> None:
        if not self._was_over and await self._mount():
            await self.containers.run()
        self._writer.touch()

    async def _mount(self) -> bool:
        """Set up the volumes, however long that takes; return False when the pod is to end before."""
        pause = _MOUNT_RETRY
        while self._grace is None:
            try:
                await self.sandbox.volumes.set_up()
            except (HarnessError, ControllerError) as error:
                self._event("Warning", "FailedMount", str(error))
            else:
                return True
            self._refresh_asked.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._refresh_asked.wait()
            pause = min(2 * pause, _MOUNT_RETRY_LONGEST)
        return False

    async def _keep_volumes(self) -> None:
        """Bring configuration volumes up to date when asked, and tokens in time."""
        while True:
            await self._wait_for_refresh()
            self._refresh_asked.clear()
            try:
                await self.sandbox.volumes.refresh()
            except (HarnessError, ControllerError) as error:
                log.debug("volumes not refreshed", pod=self.sandbox.facts.name, error=str(error))
                asyncio.get_running_loop().call_later(_REFRESH_RETRY, self._refresh_asked.set)

    async def _wait_for_refresh(self) -> None:
        due = self._tokens.renew_at
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0, due - time.time())):
                await self._refresh_asked.wait()

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
            self._refresh_asked.set()

    @contextlib.contextmanager
    def _deadline(self) -> Any:
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
        self._event("Normal", "DeadlineExceeded", message)
        self._end(self._own_grace)

    async def _remove(self) -> None:
        """Tell the API server that nothing of the pod runs any longer, and wait until it is gone."""
        metadata = self.pod["metadata"]
        while not self._gone.is_set():
            try:
                await self._writer.flush()
                await self._tools.client.delete(
                    POD, metadata["name"], namespace=metadata["namespace"], uid=metadata["uid"],
                    grace_period_seconds=0,
                )  # fmt: skip
            except (NotFoundError, ConflictError):
                return
            except ControllerError as error:
                log.warning("pod not removed", pod=metadata["name"], error=str(error))
                await asyncio.sleep(_DELETE_RETRY)
            else:
                # Finalizers may keep the object: they are not ours to wait for with processes or ports held.
                return

    async def _annotate(self) -> None:
        """Say on the pod where its ports are to be found, and which containers are only simulated."""
        metadata = self.pod["metadata"]
        annotations = {ADDRESSES: json.dumps(self.sandbox.addresses)} if self.sandbox.ports else {}
        if self.sandbox.simulated:
            annotations[SIMULATED] = ",".join(sorted(self.sandbox.simulated))
        await self._tools.client.merge_patch(
            POD, metadata["name"], {"metadata": {"uid": metadata["uid"], "annotations": annotations}},
            namespace=metadata["namespace"],
        )  # fmt: skip

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

    def _event(self, kind: Any, reason: str, message: str) -> None:
        self._tools.events.record(dict(self.pod), kind, reason, message)
