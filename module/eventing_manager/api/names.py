"""The names that the module's contract fixes, and those that follow from them."""

from __future__ import annotations

from typing import Final

from kubeloop.resource import Kind, ObjectKey

EVENTING: Final = Kind.parse("operator.kyma-project.io/v1alpha1", "Eventing")
EVENTINGS_DEFINITION: Final = "eventings.operator.kyma-project.io"
"""The CustomResourceDefinition of Eventing, which leaves with the module."""

FINALIZER: Final = "eventing-manager.kyma-project.io/deletion-hook"

MANAGER: Final = "eventing-manager"
"""The manager's name as a field manager, a user agent and ApplySet tooling."""

MANAGER_ACCOUNT: Final = "eventing-controller-manager"
"""The ServiceAccount of the manager, in the manager's namespace."""

LEASE_NAME: Final = "eventing-manager.kyma-project.io"
RELEASE: Final = "eventing"
"""The release that the chart is rendered for: it gives NATS the name eventing-nats."""

NATS: Final = f"{RELEASE}-nats"
"""The StatefulSet, the ConfigMap and the Service of NATS."""

NATS_SECRET: Final = f"{NATS}-auth"
"""The Secret with what clients of NATS authenticate with."""

NATS_MONITORING_PORT: Final = 8222

MAX_SERVERS: Final = 5
"""As many servers as an Eventing may ask for."""

CLAIMS: Final = frozenset(f"data-{NATS}-{ordinal}" for ordinal in range(MAX_SERVERS))
"""The claims that the StatefulSet makes, by the name of its volume."""

SERVERS_LABEL: Final = "eventing-manager.kyma-project.io/servers"
"""On every claim of the StatefulSet: how many servers the messages are spread over; the chart puts it there.
Copies that others make bear it, too, under other names."""

SETTINGS_ANNOTATION: Final = "eventing-manager.kyma-project.io/nats-settings"
"""On an Eventing that provisioned NATS: ``spec.backend.nats`` as it was then, which outlives the spec's."""

FORCE_ANNOTATION: Final = "eventing-manager.kyma-project.io/force"
"""``"true"`` on an Eventing skips the guard of undelivered messages, a time does so from then on."""

DRAINING_ANNOTATION: Final = "eventing-manager.kyma-project.io/draining"
"""``"true"`` on the pods of a NATS that takes in no messages; the chart puts it there."""

ADOPT_ANNOTATION: Final = "eventing-manager.kyma-project.io/adopt"
"""``"true"`` on an object of the chart's names that someone else made: the manager may take it over."""


def nats_statefulset(namespace: str) -> ObjectKey:
    """Return the key of the StatefulSet of NATS."""
    return ObjectKey(namespace, NATS)
