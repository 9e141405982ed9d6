"""The values that an Eventing hands to the chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventing_manager.dependencies import OPTIONAL_KINDS
from eventing_manager.spec import BackendType

if TYPE_CHECKING:
    from eventing_manager.credentials import Credentials
    from eventing_manager.dependencies import OptionalKind
    from eventing_manager.spec import EventingSpec, NatsSettings

Values = dict[str, Any]


def chart_values(
    spec: EventingSpec,
    *,
    credentials: Credentials | None = None,
    served: frozenset[OptionalKind] = frozenset(),
    draining: bool = False,
) -> Values:
    """Return the chart's values: ``nats.enabled`` exactly when the backend is nats, and its settings then."""
    if spec.backend is not BackendType.NATS:
        return {"nats": {"enabled": False}}
    optional = {kind.value: {"enabled": kind in served} for kind in OPTIONAL_KINDS}
    auth = {"auth": {"user": credentials.user, "password": credentials.password}} if credentials else {}
    return {"nats": {"enabled": True, "draining": draining} | _nats_values(spec.nats) | optional | auth}


def _nats_values(nats: NatsSettings) -> Values:
    return {
        "replicas": nats.replicas,
        "storage": {
            "type": str(nats.storage.type),
            "size": nats.storage.size,
            "bytes": nats.storage.size_in_bytes,
        },
        "resources": nats.resources,
        "podLabels": nats.labels,
        "podAnnotations": nats.annotations,
    }
