"""Tell whether a StatefulSet is what its current generation asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeloop.resource import describe, generation_of, is_deleting

if TYPE_CHECKING:
    from kubeloop.resource import Object


def unready_reason(statefulset: Object) -> str | None:
    """Return what a StatefulSet still waits for, in a sentence that names it; None when it is ready."""
    if is_deleting(statefulset):
        return f"{describe(statefulset)} is being deleted, and comes back"
    lack = _lack(statefulset)
    return f"{describe(statefulset)}: {lack}" if lack is not None else None


def _lack(statefulset: Object) -> str | None:
    status = statefulset.get("status") or {}
    wanted = statefulset["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < generation_of(statefulset):
        return "its controller has not seen the current generation yet"
    if status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)} of {wanted} replicas are up to date"
    if status.get("readyReplicas", 0) < wanted:
        return f"{status.get('readyReplicas', 0)} of {wanted} replicas are ready"
    if status.get("replicas", 0) > wanted:
        return f"{status['replicas'] - wanted} replicas are still to go"
    if status.get("currentRevision") != status.get("updateRevision"):
        return "the roll-out of its current revision is not finished"
    return None
