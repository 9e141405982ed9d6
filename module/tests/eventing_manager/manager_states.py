"""What the cluster is expected to come to."""

from manager_builders import NAMESPACE

from kubeloop.kinds import (
    CONFIG_MAP,
    NETWORK_POLICY,
    POD,
    POD_DISRUPTION_BUDGET,
    PVC,
    SECRET,
    SERVICE,
    STATEFUL_SET,
)

NATS_LABELS = "app.kubernetes.io/name=nats"
KINDS = (
    CONFIG_MAP,
    NETWORK_POLICY,
    PVC,
    POD,
    POD_DISRUPTION_BUDGET,
    SECRET,
    SERVICE,
    STATEFUL_SET,
)


async def until_ready(eventings, backend, name="eventing", *, generation=0):
    """Wait until the Eventing is Ready, as of a generation or a later one: a watch may not know of it yet."""

    def is_ready(found):
        status = found.get(name, {}).get("status", {})
        current = found.get(name, {}).get("metadata", {}).get("generation", 0)
        ready = (status.get("state"), status.get("activeBackend")) == ("Ready", backend)
        return ready and status["observedGeneration"] == current >= generation and found[name]

    return await eventings.until(is_ready)


async def inventory(client):
    """Return what there is of NATS, as the API server knows it now."""
    lists = [await client.list(kind, namespace=NAMESPACE, label_selector=NATS_LABELS) for kind in KINDS]
    return sorted(f"{obj['kind']}/{obj['metadata']['name']}" for found in lists for obj in found.items)


EVERYTHING = [
    "ConfigMap/eventing-nats",
    "NetworkPolicy/eventing-nats",
    "PersistentVolumeClaim/data-eventing-nats-0",
    "Pod/eventing-nats-0",
    "Secret/eventing-nats-auth",
    "Service/eventing-nats",
    "Service/eventing-nats-headless",
    "StatefulSet/eventing-nats",
]
