"""Compute a pod's status from its containers, by the rules of a kubelet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubeloop.resource import Object
from kyma_harness.node.containers.restarts import RestartPolicy
from kyma_harness.node.states import ContainerRecord, Running, Terminated, Waiting, now, timestamp

_TERMINAL = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPicture:
    """All that a pod's status follows from.

    `sidecars` are the names of init containers that keep running; `ending` means that the pod is not to run
    any longer; `verdict` is a reason (and message) for which the node failed it as a whole; `known` are the
    conditions as reported last, by type; `before` is the phase reported last.
    """

    pod: Mapping[str, Any]
    init: Sequence[ContainerRecord]
    main: Sequence[ContainerRecord]
    sidecars: frozenset[str] = frozenset()
    pod_ip: str
    host_ip: str
    start_time: str
    ending: bool = False
    verdict: tuple[str, str] | None = None
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    before: str = "Pending"

    @property
    def phase(self) -> str:
        """Pending, Running, Succeeded or Failed, the last two only when no process is left.

        So what takes the place of a pod that is over never meets anything of it.
        """
        outcome = self.outcome
        is_early = outcome in _TERMINAL and self.before not in _TERMINAL and self._has_processes
        return self.before if is_early else outcome

    @property
    def outcome(self) -> str:
        """The phase as it follows from the containers, or from what was decided over them."""
        if self.verdict or any(self._has_failed_for_good(record) for record in self._plain):
            return "Failed"
        if not self.ending or self._has_processes:
            if not self.is_initialized or any(map(_never_ran, self.main)):
                return "Pending"
            if self._goes_on:
                return "Running"
        return "Succeeded" if self.main and all(map(_succeeded, self.main)) else "Failed"

    @property
    def is_initialized(self) -> bool:
        """Whether every init container has done its part."""
        return all(record.initialized for record in self.init)

    @property
    def _goes_on(self) -> bool:
        """Whether a container runs, be it only a sidecar that is left to end, or will run again."""
        runs = any(isinstance(record.state, Running) for record in (*self.init, *self.main))
        return runs or any(self._restarts(record) for record in self.main)

    @property
    def _has_processes(self) -> bool:
        everything = (*self.init, *self.main)
        return any(record.has_process or isinstance(record.state, Running) for record in everything)

    @property
    def _plain(self) -> list[ContainerRecord]:
        return [record for record in self.init if record.name not in self.sidecars]

    def _has_failed_for_good(self, record: ContainerRecord) -> bool:
        end = _end_of(record)
        return end is not None and not end.succeeded and not self._restarts(record)

    def _restarts(self, record: ContainerRecord) -> bool:
        """Tell whether a container that has ended is to be started again."""
        end = _end_of(record)
        if end is None or record.replaced:
            return record.replaced
        is_init = any(record is one for one in self.init)
        specs = self.pod["spec"].get("initContainers" if is_init else "containers") or ()
        spec: Mapping[str, Any] = next((one for one in specs if one["name"] == record.name), {})
        return RestartPolicy.of(spec, self.pod, is_init=is_init).restarts_after(end.exit_code)


def status_of(picture: PodPicture) -> Object:
    """Return the status to report; a condition keeps its transition time until its status changes."""
    phase = picture.phase
    status: Object = {
        "phase": phase,
        "startTime": picture.start_time,
        "hostIP": picture.host_ip,
        "hostIPs": [{"ip": picture.host_ip}],
        "podIP": picture.pod_ip,
        "podIPs": [{"ip": picture.pod_ip}],
        "conditions": _conditions(picture, picture.outcome),
        "containerStatuses": [record.to_api() for record in picture.main],
    }
    if picture.init:
        status["initContainerStatuses"] = [_init_status(picture, record) for record in picture.init]
    if generation := picture.pod["metadata"].get("generation"):
        status["observedGeneration"] = generation
    if picture.verdict and phase == "Failed":
        status["reason"], status["message"] = picture.verdict
    return status


def _conditions(picture: PodPicture, outcome: str) -> list[Object]:
    containers = _containers_ready(picture, outcome)
    conditions = [
        {"type": "PodReadyToStartContainers", "status": "False" if picture.phase in _TERMINAL else "True"},
        {"type": "Initialized", **_initialized(picture, outcome)},
        {"type": "Ready", **_ready(picture, containers)},
        {"type": "ContainersReady", **containers},
        {"type": "PodScheduled", "status": "True"},
    ]
    generation = picture.pod["metadata"].get("generation")
    observed = {"observedGeneration": generation} if generation else {}
    return [_dated(one | observed, picture.known.get(one["type"])) for one in conditions]


def _initialized(picture: PodPicture, outcome: str) -> dict[str, str]:
    if outcome == "Succeeded":
        return {"status": "True", "reason": "PodCompleted"}
    if picture.is_initialized:
        return {"status": "True"}
    names = [record.name for record in picture.init if not record.initialized]
    message = f"containers with incomplete status: [{' '.join(names)}]"
    return {"status": "False", "reason": "ContainersNotInitialized", "message": message}


def _containers_ready(picture: PodPicture, outcome: str) -> dict[str, str]:
    if outcome == "Succeeded":
        return {"status": "False", "reason": "PodCompleted"}
    if outcome == "Failed":
        return {"status": "False", "reason": "PodFailed"}
    sidecars = [record for record in picture.init if record.name in picture.sidecars]
    unready = [record.name for record in (*sidecars, *picture.main) if not record.ready]
    if not unready:
        return {"status": "True"}
    message = f"containers with unready status: [{' '.join(unready)}]"
    return {"status": "False", "reason": "ContainersNotReady", "message": message}


def _ready(picture: PodPicture, containers: dict[str, str]) -> dict[str, str]:
    gates = [gate["conditionType"] for gate in picture.pod["spec"].get("readinessGates") or ()]
    closed = [gate for gate in gates if picture.known.get(gate, {}).get("status") != "True"]
    if containers["status"] != "True" or not closed:
        return containers
    message = f"the readiness gates {', '.join(closed)} are not open"
    return {"status": "False", "reason": "ReadinessGatesNotReady", "message": message}


def _dated(condition: Object, before: Mapping[str, Any] | None) -> Object:
    same = before is not None and before.get("status") == condition["status"]
    since = before["lastTransitionTime"] if same and before else timestamp(now())
    return {**condition, "lastTransitionTime": since}


def _init_status(picture: PodPicture, record: ContainerRecord) -> Object:
    """Return an init container's status: ready once it has succeeded, a sidecar when its probe says so."""
    is_ready = record.ready if record.name in picture.sidecars else _succeeded(record)
    return {**record.to_api(), "ready": is_ready}


def _never_ran(record: ContainerRecord) -> bool:
    return isinstance(record.state, Waiting) and record.last is None


def _end_of(record: ContainerRecord) -> Terminated | None:
    """Return how a container that is not running ended last."""
    match record.state:
        case Terminated():
            return record.state
        case Waiting():
            return record.last
    return None


def _succeeded(record: ContainerRecord) -> bool:
    return isinstance(record.state, Terminated) and record.state.succeeded


def is_over(status: Mapping[str, Any]) -> bool:
    """Tell whether a pod has ended for good."""
    return status.get("phase") in _TERMINAL
