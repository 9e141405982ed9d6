"""The downward API: what a container may know of its own pod."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeloop.quantity import parse_quantity
from kyma_harness.node.errors import ContainerConfigError

_SUBSCRIPT = re.compile(r"metadata\.(?P<map>labels|annotations)\['(?P<key>[^']+)'\]")


@dataclass(slots=True, kw_only=True)
class PodFacts:
    """A pod as its containers see it: the object, the addresses the node gave it, the node's allocatable.

    `pod_ip` is what the API shows, `address` where the pod is on this host, and what its containers are told.
    `pod` is replaced by its newer versions, so that volumes follow its labels.
    """

    pod: Mapping[str, Any]
    pod_ip: str
    address: str
    host_ip: str
    allocatable: Mapping[str, str]

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.pod["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        """The pod's uid."""
        return str(self.pod["metadata"]["uid"])

    def field(self, path: str) -> str:
        """Return the value of a `fieldRef`; raises ContainerConfigError for a path the API does not offer."""
        metadata, spec = self.pod["metadata"], self.pod["spec"]
        if found := _SUBSCRIPT.fullmatch(path):
            return str(metadata.get(found["map"], {}).get(found["key"], ""))
        match path:
            case "metadata.name" | "metadata.namespace" | "metadata.uid":
                return str(metadata[path.removeprefix("metadata.")])
            case "metadata.labels" | "metadata.annotations":
                return _formatted(metadata.get(path.removeprefix("metadata."), {}))
            case "spec.nodeName" | "spec.serviceAccountName":
                return str(spec.get(path.removeprefix("spec."), ""))
            case "status.hostIP" | "status.hostIPs":
                return self.host_ip
            case "status.podIP" | "status.podIPs":
                return self.address
        raise ContainerConfigError(f"pod {self.namespace}/{self.name}: the downward API has no field {path}")

    def resource(self, reference: Mapping[str, Any], *, container: str) -> str:
        """Return the value of a `resourceFieldRef`; a missing limit means what the node has."""
        kind, _, resource = str(reference["resource"]).partition(".")
        resources = self._container(reference.get("containerName", container)).get("resources", {})
        if kind not in {"limits", "requests"}:
            raise ContainerConfigError(
                f"pod {self.namespace}/{self.name}: no resource field {reference['resource']}"
            )
        amount = resources.get(kind, {}).get(resource)
        if amount is None:
            amount = self.allocatable.get(resource, "0") if kind == "limits" else "0"
        # The API server sets a divisor of "0" where none was given.
        return divided(str(amount), str(reference.get("divisor", "1")))

    def _container(self, name: str) -> Mapping[str, Any]:
        spec = self.pod["spec"]
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            if container["name"] == name:
                found: Mapping[str, Any] = container
                return found
        raise ContainerConfigError(f"pod {self.namespace}/{self.name} has no container {name}")


def _formatted(entries: Mapping[str, str]) -> str:
    """Write labels or annotations as a downwardAPI file has them: sorted, quoted."""
    return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted(entries.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def divided(quantity: str, divisor: str) -> str:
    """Divide and round up, as `resourceFieldRef` does."""
    by = parse_quantity(divisor)
    return str(math.ceil(parse_quantity(quantity) / (by or 1)))
