"""The Eventing resource as the scenarios see it."""

from dataclasses import dataclass

from kubeloop.kinds import CONFIG_MAP, PVC, SECRET, SERVICE, STATEFUL_SET
from kubeloop.resource import Kind, Object
from kyma_harness import Api, Expectation

EVENTING = Kind(group="operator.kyma-project.io", version="v1alpha1", kind="Eventing")
NAME, NAMESPACE = "default-kyma-eventing", "kcp-system"
WORKLOADS = "kyma-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eventing:
    """The Eventing resource that the lifecycle managers make, and what its manager makes of it."""

    api: Api

    def expect(self) -> Expectation:
        """Expect something of the Eventing resource."""
        return self.api.expect(EVENTING, NAME, NAMESPACE)

    def switch(self, backend: str, **settings: object) -> None:
        """Edit ``spec.backend.type``, and what stands beside it, as a user does."""
        self.edit({"type": backend, **settings})

    def edit(self, backend: Object) -> None:
        """Merge into ``spec.backend``."""
        self.api.patch(EVENTING, NAME, NAMESPACE, {"spec": {"backend": backend}})

    def discard_undelivered(self) -> None:
        """Let messages that nobody has received go with NATS."""
        self.edit({"nats": {"onUndelivered": "Discard"}})

    def expect_dependency(self, name: str, reason: str, *, within: float = 60) -> Object:
        """Wait for the reason that ``status.dependencies`` gives for one of them, and return the Eventing."""

        def holds(seen: Object) -> bool:
            entries = seen.get("status", {}).get("dependencies", [])
            return any(one["name"].startswith(name) and one["reason"] == reason for one in entries)

        return self.expect().to_satisfy(holds, f"say {reason} of its dependency {name}", within=within)

    def nats_objects(self) -> list[str]:
        """Return every object of NATS that is there, by kind and name."""
        return [
            f"{kind.kind} {item['metadata']['name']}"
            for kind in (STATEFUL_SET, SERVICE, CONFIG_MAP, SECRET, PVC)
            for item in self.api.all(kind, WORKLOADS)
            if "eventing-nats" in item["metadata"]["name"]
        ]

    def passes(self) -> list[Object]:
        """Return the log lines of the manager's passes over the resource."""
        lines = self.api.log_of("eventing-controller-manager", WORKLOADS)
        return [line for line in lines if line.get("name") == NAME and "backend" in line]
