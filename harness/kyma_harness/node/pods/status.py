"""Compute a pod's status from its containers, by the rules of a kubelet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubeloop.resource import Object
from kyma_harness.node.states import ContainerRecord, Terminated, Waiting, now, timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPicture:
    """All that a pod's status follows from.

    `sidecars` are the names of init containers that keep running; `ending` means that the pod is not to run
    any longer; `verdict` is a reason (and message) for which the node failed it as a whole; `known` are the
    conditions as reported last, by type.
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

    @property
    def phase(self) -> str:
        """Pending, Running, Succeeded or Failed."""
        if self.verdict:
            return "Failed"
        if self.ending and not any(record.is_running for record in (*self.init, *self.main)):
            return "Succeeded" if self.main and all(map(_succeeded, self.main)) else "Failed"
        if not self.is_initialized:
            return "Failed" if self._init_failed else "Pending"
        if any(isinstance(record.state, Waiting) and record.last is None for record in self.main):
            return "Pending"
        if any(record.is_running for record in (*self.init, *self.main)):
            return "Running"  # also while only a sidecar is left to end
        return self._phase_after_the_end

    @property
    def is_initialized(self) -> bool:
        """Whether every init container has done its part."""
        return all(record.initialized for record in self.init)

    @property
    def _init_failed(self) -> bool:
        plain = [record for record in self.init if record.name not in self.sidecars]
        return self._restarts == "Never" and any(
            isinstance(record.state, Terminated) and not record.state.succeeded for record in plain
        )

    @property
    def _phase_after_the_end(self) -> str:
        if self._restarts == "Always":
            return "Running"
        if all(map(_succeeded, self.main)):
            return "Succeeded"
        return "Failed" if self._restarts == "Never" else "Running"

    @property
    def _restarts(self) -> str:
        return str(self.pod["spec"].get("restartPolicy", "Always"))


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
        "conditions": _conditions(picture, phase),
        "containerStatuses": [record.to_api() for record in picture.main],
    }
    if picture.init:
        status["initContainerStatuses"] = [_init_status(record) for record in picture.init]
    if generation := picture.pod["metadata"].get("generation"):
        status["observedGeneration"] = generation
    if picture.verdict:
        status["reason"], status["message"] = picture.verdict
    return status


def _conditions(picture: PodPicture, phase: str) -> list[Object]:
    containers = _containers_ready(picture, phase)
    conditions = [
        {"type": "PodReadyToStartContainers", "status": "False" if phase in _TERMINAL else "True"},
        {"type": "Initialized", **_initialized(picture, phase)},
        {"type": "Ready", **_ready(picture, containers)},
        {"type": "ContainersReady", **containers},
        {"type": "PodScheduled", "status": "True"},
    ]
    return [_dated(condition, picture.known.get(condition["type"])) for condition in conditions]


_TERMINAL = frozenset({"Succeeded", "Failed"})


def _initialized(picture: PodPicture, phase: str) -> dict[str, str]:
    if phase == "Succeeded":
        return {"status": "True", "reason": "PodCompleted"}
    if picture.is_initialized:
        return {"status": "True"}
    names = [record.name for record in picture.init if not record.initialized]
    message = f"containers with incomplete status: [{' '.join(names)}]"
    return {"status": "False", "reason": "ContainersNotInitialized", "message": message}


def _containers_ready(picture: PodPicture, phase: str) -> dict[str, str]:
    if phase == "Succeeded":
        return {"status": "False", "reason": "PodCompleted"}
    if phase == "Failed":
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


def _init_status(record: ContainerRecord) -> Object:
    """Return an init container's status: it is ready when it has done its part."""
    return {**record.to_api(), "ready": record.ready or record.initialized}


def _succeeded(record: ContainerRecord) -> bool:
    return isinstance(record.state, Terminated) and record.state.succeeded


def is_over(status: Mapping[str, Any]) -> bool:
    """Tell whether a pod has ended for good."""
    return status.get("phase") in _TERMINAL
