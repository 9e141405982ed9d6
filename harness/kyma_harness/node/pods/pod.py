"""Run one pod from its arrival on the node to its removal."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ConflictError, ControllerError, InvalidError, NotFoundError
from kubeloop.events import EventRecorder
from kubeloop.logs import get_logger
from kubeloop.queue import Backoff
from kubeloop.resource import Object, is_deleting
from kyma_harness.node.containers.container import Container, ContainerTools, PodContext
from kyma_harness.node.containers.logs import ContainerLog
from kyma_harness.node.containers.restarts import RESTART_ALL, RestartPolicy
from kyma_harness.node.grace import Grace
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.pods.api import PodApi, StatusWriter
from kyma_harness.node.pods.containers import PodContainers
from kyma_harness.node.pods.status import PodPicture, is_over, status_of
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.states import now, printable, timestamp
from kyma_harness.node.volumes.keeper import VolumeKeeper, shown_to_containers

log = get_logger(__name__)
_REMOVED_GRACE = 1.0  # of a pod that was deleted by force: its processes get a moment, not the whole grace
_REMOVE_AGAIN = Backoff(base=0.2, maximum=5.0)


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
        self._deletion = asyncio.Event()
        self._leaving = Grace()
        self._volumes = VolumeKeeper(sandbox.volumes, tokens, sandbox.facts, failed=self._mount_failed)
        self._grace: float | None = None
        self._drained = False
        self._removed = False
        self._was_over = is_over(pod.get("status") or {})
        self._verdict: tuple[str, str] | None = None
        self._started = str(pod.get("status", {}).get("startTime") or timestamp(now()))
        self._api = PodApi(tools.client, pod)
        self._is_live = False
        self._timer: asyncio.TimerHandle | None = None
        self._writer = StatusWriter(self._api, self._status)
        self.containers = PodContainers(pod, self._container, changed=self._writer.touch)
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
            self._leaving.ask(0)
            self._deletion.set()
            self._end(_REMOVED_GRACE)
            return
        if shown_to_containers(pod) != shown_to_containers(self.pod):
            self._volumes.ask()
        self.sandbox.facts.pod = pod
        self._watch_deadline()
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
        found = self.containers.find(container)
        if found is None:
            raise LookupError(f"pod {facts.namespace}/{facts.name} has no container {container}")
        if self._removed:
            raise LookupError(f"pod {facts.namespace}/{facts.name} has ended, and its logs with it")
        return found.find_log(previous=previous)

    def drain(self, grace: float) -> None:
        """End the pod's processes because the node ends; the API server is told nothing."""
        self._drained = True
        self._writer.silence()
        self._leaving.ask(0)
        self._deletion.set()
        self._end(min(grace, self._own_grace))

    async def run(self) -> None:
        """Run the pod until it is gone from the API server, or drained."""
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._writer.run())
                await self._live()
                await self._deletion.wait()
                writing.cancel()
            if not self._leaving.is_asked:
                async with self._leaving.until_asked():
                    await self._remove()
        finally:
            self._removed = True
            await self.sandbox.remove()

    async def _live(self) -> None:
        """Run the containers; whatever is raised fails the pod, which then waits for its deletion."""
        if self._was_over:
            return
        try:
            self._check_features()
            with self._deadline():
                if not self._verdict and await self._volumes.set_up():
                    await self._run_containers()
        except Exception as error:
            log.exception("pod failed", pod=str(self._api.key))
            message = f"the process node cannot run the pod: {error!r}"
            self._fail("ProcessNodeError", "Warning", "FailedSync", message)
        self._writer.touch()

    async def _run_containers(self) -> None:
        async with asyncio.TaskGroup() as beside:
            keeping = beside.create_task(self._volumes.keep())
            await self.containers.run(self._own_grace)
            keeping.cancel()

    def _end(self, grace: float) -> None:
        """Have the containers ended within the grace; a later, shorter grace wins."""
        if self._grace is None or grace < self._grace:
            self._grace = grace
            self.containers.stop(grace)
            self._volumes.give_up()

    def _check_features(self) -> None:
        """Fail a pod that asks for what only a node that says so may be given, as a kubelet refuses it."""
        spec = self.pod["spec"]
        containers = (*(spec.get("initContainers") or ()), *spec["containers"])
        rules = [rule for one in containers for rule in one.get("restartPolicyRules") or ()]
        if any(rule.get("action") == RESTART_ALL for rule in rules):
            feature = "RestartAllContainersOnContainerExits"
            message = f"Pod requires node features that are not available: {feature}"
            self._fail("PodFeatureUnsupported", "Warning", "PodFeatureUnsupported", message)

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Fail the pod when its activeDeadlineSeconds are over, which may be set while it runs."""
        self._is_live = True
        self._watch_deadline()
        try:
            yield
        finally:
            self._is_live = False
            self._watch_deadline()

    def _watch_deadline(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if self._is_live and seconds is not None and not self._verdict:
            passed = time.time() - datetime.fromisoformat(self._started).timestamp()
            left = max(0.0, seconds - passed)
            self._timer = asyncio.get_running_loop().call_later(left, self._exceed_deadline)

    def _exceed_deadline(self) -> None:
        message = "Pod was active on the node longer than the specified deadline"
        self._fail("DeadlineExceeded", "Normal", "DeadlineExceeded", message)
        self._end(self._own_grace)

    def _fail(self, verdict: str, kind: Any, reason: str, message: str) -> None:
        self._verdict = (verdict, printable(message))
        self._tools.events.record(dict(self.pod), kind, reason, printable(message))
        self._writer.touch()

    async def _remove(self) -> None:
        """Report how the pod ended and let it go, however long the API server does not let us."""
        failures = 0
        while True:
            try:
                await self._report_end()
                await self._api.remove()
            except (NotFoundError, ConflictError):
                return
            except ControllerError as error:
                log.warning("pod not removed", pod=str(self._api.key), error=str(error))
            except Exception:
                # Whatever it is: nobody else would let the pod go.
                log.exception("pod not removed", pod=str(self._api.key))
            else:
                return
            failures += 1
            await asyncio.sleep(_REMOVE_AGAIN.delay(failures))

    async def _report_end(self) -> None:
        try:
            await self._writer.flush()
        except InvalidError as error:
            # The pod must go all the same.
            log.warning("last pod status refused", pod=str(self._api.key), error=str(error))

    async def _announce(self) -> None:
        await self._api.annotate(self.sandbox)

    def _container(
        self,
        container: Mapping[str, Any],
        *,
        field: str,
        policy: RestartPolicy,
        changed: Callable[[], None],
        turn: Callable[[], Coroutine[Any, Any, None]],
    ) -> Container:
        context = PodContext(
            sandbox=self.sandbox, field=field, policy=policy, grace=self._own_grace,
            announce=self._announce, changed=changed, turn=turn,
        )  # fmt: skip
        return Container(container, context=context, tools=self._tools.containers)

    @property
    def _own_grace(self) -> float:
        return float(self.pod["spec"].get("terminationGracePeriodSeconds") or 0)

    def _status(self, sent: Mapping[str, Any]) -> Object:
        reported = self.pod.get("status") or {}
        conditions = (*(reported.get("conditions") or ()), *(sent.get("conditions") or ()))
        return status_of(
            PodPicture(
                pod=self.pod,
                init=[one.record for one in self.containers.init],
                main=[one.record for one in self.containers.main],
                sidecars=self.containers.sidecars,
                pod_ip=self.sandbox.facts.pod_ip,
                host_ip=self._tools.node_ip,
                start_time=self._started,
                ending=self._grace is not None,
                verdict=self._verdict,
                known={one["type"]: one for one in conditions},
                before=sent.get("phase") or reported.get("phase") or "Pending",
            )
        )

    def _mount_failed(self, reason: str) -> None:
        self._tools.events.record(dict(self.pod), "Warning", "FailedMount", printable(reason))
