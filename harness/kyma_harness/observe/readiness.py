"""What it means to be ready, for each kind of object."""

from kubeloop.resource import Object, generation_of

CONDITIONS = ("Ready", "Available", "Established", "Complete")


def lack_of_readiness(obj: Object) -> str:
    """Return what an object lacks to be ready, as a phrase; empty where it is ready."""
    status = obj.get("status") or {}
    observed = status.get("observedGeneration", generation_of(obj))
    if observed != generation_of(obj):
        return f"its status is of generation {observed}"
    if "state" in status:
        return "" if status["state"] == "Ready" else f"its state is {status['state'] or 'not set'}"
    if obj["kind"] in {"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"}:
        return _of_replicas(obj, status)
    return _of_conditions(status)


def _of_replicas(obj: Object, status: Object) -> str:
    # Available is ready for minReadySeconds: what crashes right after its start is ready for a moment.
    if obj["kind"] == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
        updated = status.get("updatedNumberScheduled", 0)
    else:
        wanted, ready = obj["spec"].get("replicas", 1), status.get("availableReplicas", 0)
        updated = status.get("updatedReplicas", ready)
    if ready < wanted:
        return f"{ready}/{wanted} replicas are available"
    return "" if updated >= wanted else f"{updated}/{wanted} replicas are up to date"


def _of_conditions(status: Object) -> str:
    conditions = {one.get("type"): one for one in status.get("conditions") or []}
    for type_ in CONDITIONS:
        if found := conditions.get(type_):
            reason = found.get("reason", "")
            return "" if found.get("status") == "True" else f"condition {type_} is false, {reason}"
    return "it has neither a state nor a condition that says so"
