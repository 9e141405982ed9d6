"""What it means to be ready, for each kind of object.

The rules are those of kstatus (sigs.k8s.io/cli-utils), `kubectl rollout status` and `kubectl wait`: nothing
is ready here that is not ready there. They part with kstatus where that calls current what does not run: a
Job is ready when it is complete, a pod that has ended is not, and a resource that says nothing is not either.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from kubeloop.resource import Kind, Object, generation_of, is_deleting

CONDITIONS = ("Ready", "Available", "Established", "Complete")
"""What says that anything else is ready, the weightiest first."""


def lack_of_readiness(obj: Object) -> str:
    """Return what an object lacks to be ready, as a phrase; empty where it is ready."""
    if is_deleting(obj):
        return "it is being deleted"
    status = status_of(obj)
    if lack := lack_of_observation(obj, status):
        return lack
    return _RULES.get(Kind.of(obj).group_kind, _of_anything)(obj, status)


def lack_of_observation(obj: Object, said: Mapping[str, Any]) -> str:
    """Return of which older generation a status or a condition speaks; empty where it is the present one.

    What does not say of which generation it speaks is taken at its word.
    """
    observed = said.get("observedGeneration", generation_of(obj))
    return "" if observed == generation_of(obj) else f"its status is of generation {observed}"


def conditions_of(obj: Object) -> list[Object]:
    """Return the conditions of an object, whatever shape its status has."""
    found = status_of(obj).get("conditions")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def condition_of(obj: Object, type_: str) -> Object:
    """Return the condition of a type, an empty one where there is none."""
    return next((one for one in conditions_of(obj) if one.get("type") == type_), {})


def status_of(obj: Object) -> Object:
    """Return the status of an object, an empty one where it has none that can be read."""
    status = obj.get("status")
    return status if isinstance(status, dict) else {}


def _of_deployment(obj: Object, status: Object) -> str:
    wanted, updated = obj["spec"].get("replicas", 1), status.get("updatedReplicas", 0)
    old = status.get("replicas", 0) - updated
    return (
        _unobserved(status)
        or _short_of(wanted, updated, "up to date")
        or (f"{old} old replicas are still there" if old > 0 else "")
        # Available is ready for minReadySeconds: what crashes right after its start is ready for a moment.
        or _short_of(max(wanted, updated), status.get("availableReplicas", 0), "available")
    )


def _of_replica_set(obj: Object, status: Object) -> str:
    wanted = obj["spec"].get("replicas", 1)
    return (
        _unobserved(status)
        or _short_of(wanted, status.get("availableReplicas", 0), "available")
        or _left_over(wanted, status)
    )


def _of_stateful_set(obj: Object, status: Object) -> str:
    wanted, strategy = obj["spec"].get("replicas", 1), obj["spec"].get("updateStrategy") or {}
    return (
        _unobserved(status)
        or _short_of(wanted, status.get("readyReplicas", 0), "ready")
        or _left_over(wanted, status)
        or _lack_of_update(wanted, strategy, status)
    )


def _lack_of_update(wanted: int, strategy: Mapping[str, Any], status: Object) -> str:
    """Return how far a StatefulSet's rolling update has got; only the user goes on with OnDelete."""
    if strategy.get("type") == "OnDelete":
        return ""
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    if partition is not None:
        return _short_of(wanted - partition, status.get("updatedReplicas", 0), "up to date")
    if status.get("updateRevision") != status.get("currentRevision"):
        return f"{status.get('updatedReplicas', 0)}/{wanted} replicas are up to date"
    return ""


def _of_daemon_set(obj: Object, status: Object) -> str:
    wanted = status.get("desiredNumberScheduled", 0)
    by_hand = (obj["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
    return (
        _unobserved(status)
        or _short_of(wanted, status.get("currentNumberScheduled", 0), "scheduled")
        or ("" if by_hand else _short_of(wanted, status.get("updatedNumberScheduled", 0), "up to date"))
        or _short_of(wanted, status.get("numberAvailable", 0), "available")
    )


def _of_job(obj: Object, status: Object) -> str:
    if condition_of(obj, "Complete").get("status") == "True":
        return ""
    if ended := how_it_ended(obj):
        return ended
    wanted = obj["spec"].get("completions", obj["spec"].get("parallelism", 1))
    return f"{status.get('succeeded', 0)}/{wanted} of its pods have succeeded"


def _of_pod(obj: Object, status: Object) -> str:
    if ended := how_it_ended(obj):
        return ended
    return _of_conditions(obj, ("Ready",)) or (
        "" if status.get("phase") == "Running" else f"its phase is {status.get('phase', 'not set')}"
    )


def _of_claim(_: Object, status: Object) -> str:
    return "" if status.get("phase") == "Bound" else f"its phase is {status.get('phase', 'not set')}"


def _of_namespace(_: Object, status: Object) -> str:
    return "" if status.get("phase") == "Active" else f"its phase is {status.get('phase', 'not set')}"


def _of_what_only_is(_: Object, __: Object) -> str:
    return ""


def _of_anything(obj: Object, status: Object) -> str:
    if "state" in status:
        return "" if status["state"] == "Ready" else f"its state is {status['state'] or 'not set'}"
    for type_ in ("Reconciling", "Stalled"):
        found = condition_of(obj, type_)
        if found.get("status") == "True":
            return f"condition {type_} is true, {found.get('reason', '')}"
    return _of_conditions(obj, CONDITIONS)


def _of_conditions(obj: Object, types: tuple[str, ...]) -> str:
    for type_ in types:
        if found := condition_of(obj, type_):
            return lack_of_observation(obj, found) or _falsehood(found)
    return "it has neither a state nor a condition that says so"


def _falsehood(condition: Object) -> str:
    if condition.get("status") == "True":
        return ""
    status = str(condition.get("status")).lower()
    return f"condition {condition['type']} is {status}, {condition.get('reason', '')}"


def _unobserved(status: Object) -> str:
    """Return whether its controller has not come to it yet: until then all its counts read as 0."""
    return "" if status.get("observedGeneration") else "its controller has not come to it yet"


def _short_of(wanted: int, there: int, what: str) -> str:
    return "" if there >= wanted else f"{there}/{wanted} replicas are {what}"


def _left_over(wanted: int, status: Object) -> str:
    more = status.get("replicas", 0) - wanted
    return f"{more} replicas too many are still there" if more > 0 else ""


_Rule = Callable[[Object, Object], str]
_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "Deployment.apps": _of_deployment,
        "ReplicaSet.apps": _of_replica_set,
        "StatefulSet.apps": _of_stateful_set,
        "DaemonSet.apps": _of_daemon_set,
        "Job.batch": _of_job,
        "Pod": _of_pod,
        "PersistentVolumeClaim": _of_claim,
        "Namespace": _of_namespace,
        "ConfigMap": _of_what_only_is,
        "Secret": _of_what_only_is,
        "Service": _of_what_only_is,
        "CronJob.batch": _of_what_only_is,
        "PodDisruptionBudget.policy": _of_what_only_is,
    }
)


def how_it_ended(obj: Object) -> str:
    """Return how a pod or Job has ended for good, as a phrase; empty while it has not."""
    match Kind.of(obj).group_kind:
        case "Pod":
            return _end_of_pod(status_of(obj))
        case "Job.batch":
            return _end_of_job(obj)
    return ""


def _end_of_job(obj: Object) -> str:
    for type_, word in (("Complete", "is complete"), ("Failed", "has failed")):
        found = condition_of(obj, type_)
        if found.get("status") == "True":
            return _told(f"it {word}", found.get("reason"), found.get("message"))
    return ""


def _end_of_pod(status: Object) -> str:
    phase = status.get("phase")
    if phase not in {"Succeeded", "Failed"}:
        return ""
    why = status.get("message") or ", ".join(_failed_containers(status))
    return _told(f"it has ended ({phase})", status.get("reason"), why)


def _failed_containers(status: Object) -> Iterator[str]:
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        if code := ((one.get("state") or {}).get("terminated") or {}).get("exitCode"):
            yield f"container {one.get('name')} ended with exit code {code}"


def _told(sentence: str, *words: str | None) -> str:
    return ": ".join([sentence, *(word for word in words if word)])
