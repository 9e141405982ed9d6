"""Pictures of what is, with defaults for what a case does not speak of."""

from datetime import UTC, datetime

from eventing_manager.api.names import (
    DRAINING_ANNOTATION,
    FINALIZER,
    SERVERS_LABEL,
    SETTINGS_ANNOTATION,
)
from eventing_manager.api.spec import EventingSpec, force_of
from eventing_manager.observe.jetstream import Stream
from eventing_manager.observe.observed import Observed, Wish

NOON = datetime(2022, 12, 24, 12, tzinfo=UTC)
NAMESPACE = "kyma-system"


def eventing(*, backend="nats", nats=None, note="{}", annotations=None, drained=None, **status):
    """Return an Eventing that has NATS by its note; ``drained`` is a reason and whether it holds."""
    conditions = []
    if drained is not None:
        reason, holds = drained
        conditions.append({
            "type": "Drained", "status": "True" if holds else "False", "reason": reason,
            "message": "as it was", "lastTransitionTime": "2022-12-24T11:59:00Z",
        })  # fmt: skip
    noted = {} if note is None else {SETTINGS_ANNOTATION: note}
    return {
        "apiVersion": "operator.kyma-project.io/v1alpha1",
        "kind": "Eventing",
        "metadata": {
            "name": "e", "namespace": "n", "uid": "u", "generation": 1,
            "finalizers": [FINALIZER], "annotations": {**noted, **(annotations or {})},
        },
        "spec": {"backend": {"type": backend, **({} if nats is None else {"nats": nats})}},
        "status": {"activeBackend": "nats", "conditions": conditions, **status},
    }  # fmt: skip


def statefulset(*, draining=False, ready=True, replicas=1, size="1Gi", deleting=False):
    """Return the StatefulSet of NATS; without a size it has no volumes."""
    template = {
        "metadata": {"name": "data", "labels": {SERVERS_LABEL: str(replicas)}},
        "spec": {"resources": {"requests": {"storage": size}}},
    }
    metadata = {"name": "eventing-nats", "namespace": NAMESPACE, "generation": 1, "uid": "s"}
    if deleting:
        metadata["deletionTimestamp"] = "2022-12-24T11:59:00Z"
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "template": {"metadata": {"annotations": {DRAINING_ANNOTATION: str(draining).lower()}}},
            **({"volumeClaimTemplates": [template]} if size else {}),
        },
        "status": {
            "observedGeneration": 1, "updatedReplicas": replicas, "readyReplicas": replicas if ready else 0,
        },
    }  # fmt: skip


def claim(ordinal=0, *, servers=1, size="1Gi", bound=True, deleting=False):
    metadata = {
        "name": f"data-eventing-nats-{ordinal}",
        "namespace": NAMESPACE,
        "labels": {SERVERS_LABEL: str(servers)},
    }
    if deleting:
        metadata["deletionTimestamp"] = "2022-12-24T11:59:00Z"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": {
            "resources": {"requests": {"storage": size}},
            **({"volumeName": f"pv-{ordinal}"} if bound else {}),
        },
        "status": {"capacity": {"storage": size}} if bound else {},
    }


def holding(*counts, in_memory=False, gap=""):
    """Return what JetStream holds: a stream for each count."""
    return tuple(
        Stream(account="$G", name=f"s{number}", undelivered=count, is_in_memory=in_memory, gap=gap)
        for number, count in enumerate(counts)
    )


def seen(of=None, *, wish=Wish.SPEC, now=NOON, **picture):
    """Return a picture; without members there is a StatefulSet that is ready."""
    of = of or eventing(backend="eventmesh")
    picture.setdefault("members", (statefulset(),))
    picture.setdefault("claims", (claim(),))
    return Observed(
        eventing=of, spec=EventingSpec.parse(of), wish=wish, now=now, force=force_of(of, now), **picture
    )
