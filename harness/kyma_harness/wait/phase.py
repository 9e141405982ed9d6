"""Sum up any object in a word and a few more."""

from typing import NamedTuple

from kubeloop.resource import Object, is_deleting

DELETING = "Deleting"


class Phase(NamedTuple):
    """Where an object is: a word such as ``Ready``, and what explains it."""

    word: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.word}, {self.detail}" if self.detail else self.word


def phase_of(obj: Object) -> Phase:
    """Return where an object is: its ``status.state`` if it has one, else what its kind has instead."""
    phase = _phase(obj)
    if is_deleting(obj) and phase.word != DELETING:
        return Phase(DELETING, phase.detail)
    return phase


def _phase(obj: Object) -> Phase:
    status = obj.get("status") or {}
    if not isinstance(status, dict):
        return Phase("Present")
    if state := status.get("state"):
        return Phase(str(state), _explanation(status))
    match obj["kind"]:
        case "Pod":
            return _of_pod(status)
        case "Deployment" | "StatefulSet" | "ReplicaSet":
            return _of_replicas(obj["spec"].get("replicas", 1), status.get("readyReplicas", 0))
        case "DaemonSet":
            return _of_replicas(status.get("desiredNumberScheduled", 0), status.get("numberReady", 0))
        case _:
            return _of_conditions(status)


def _of_pod(status: Object) -> Phase:
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
            return Phase(waiting["reason"], f"container {container['name']}")
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    if conditions.get("PodScheduled", {}).get("status") == "False":
        return Phase(conditions["PodScheduled"].get("reason", "Unscheduled"))
    if conditions.get("Ready", {}).get("status") == "True":
        return Phase("Ready")
    return Phase(status.get("phase", "Pending"))


def _of_replicas(wanted: int, ready: int) -> Phase:
    if not wanted:
        return Phase("Scaled to 0")
    return Phase("Ready" if ready >= wanted else "Progressing", f"{ready}/{wanted} ready")


def _of_conditions(status: Object) -> Phase:
    if "phase" in status:
        return Phase(str(status["phase"]))
    for condition in status.get("conditions") or []:
        if isinstance(condition, dict) and condition.get("type") in {"Ready", "Established", "Complete"}:
            holds = condition.get("status") == "True"
            word = condition["type"] if holds else f"Not {condition['type']}"
            return Phase(word, "" if holds else str(condition.get("reason", "")))
    return Phase("Present")


def _explanation(status: Object) -> str:
    """Return reason and message of the condition Ready, unless it simply holds."""
    for condition in status.get("conditions") or []:
        if (
            isinstance(condition, dict)
            and condition.get("type") == "Ready"
            and condition.get("status") != "True"
        ):
            reason, message = condition.get("reason", ""), condition.get("message", "")
            return f"{reason}: {message}" if message else str(reason)
    return ""
