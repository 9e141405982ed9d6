"""Tell whether a StatefulSet is what its current generation asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.resource import describe, generation_of

if TYPE_CHECKING:
    from controller.resource import Object


def unready_reason(statefulset: Object) -> str | None:
    """Return what a StatefulSet still waits for, in a sentence that names it; None when it is ready."""
    name = describe(statefulset)
    status = statefulset.get("status") or {}
    wanted = statefulset["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < generation_of(statefulset):
        return f"{name}: its controller has not seen the current generation yet"
    if status.get("updatedReplicas", 0) < wanted:
        return f"{name}: {status.get('updatedReplicas', 0)} of {wanted} replicas are up to date"
    if status.get("readyReplicas", 0) < wanted:
        return f"{name}: {status.get('readyReplicas', 0)} of {wanted} replicas are ready"
    if status.get("replicas", 0) > wanted:
        return f"{name}: {status['replicas'] - wanted} replicas are still to go"
    if status.get("currentRevision") != status.get("updateRevision"):
        return f"{name}: the roll-out of its current revision is not finished"
    return None
