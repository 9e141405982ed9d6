"""Describe a cluster for k3d: the configuration file that ``k3d cluster create`` reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kyma_harness.clusters.errors import CreationError
from kyma_harness.clusters.labels import labels_of
from kyma_harness.clusters.options import ProviderOptions
from kyma_harness.host.errors import PortTakenError
from kyma_harness.host.ports import PortPool

INTERNAL_PORT = 5000
"""The registry's port inside the cluster's network."""
TIMEOUT_SECONDS = 180
DEFAULT_CLUSTER, REGISTRY_PORT = "kyma", 5001
"""The default cluster, and the host port of its registry, as in the original PoC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class K3dPlan:
    """What a cluster will be like."""

    cluster: str
    folder: Path
    """Where this host keeps what it knows of the cluster."""
    api_port: int
    registry_port: int
    registry_image: str
    node_image: str | None = None


def registry_name(cluster: str) -> str:
    """Return the name of the registry's container, ``k3d-kyma-registry`` for the cluster ``kyma``."""
    return f"k3d-{cluster}-registry"


def plan_for(cluster: str, folder: Path, options: ProviderOptions) -> K3dPlan:
    """Choose the ports: the known one for the registry of the default cluster, any free ones else."""
    with PortPool() as ports:
        return K3dPlan(
            cluster=cluster,
            folder=folder,
            api_port=ports.reserve(),
            registry_port=_registry_port(ports, cluster),
            registry_image=options.registry_image,
            node_image=options.node_image,
        )


def _registry_port(ports: PortPool, cluster: str) -> int:
    try:
        return ports.reserve(REGISTRY_PORT if cluster == DEFAULT_CLUSTER else None)
    except PortTakenError as error:
        raise CreationError(
            f"the registry of cluster {cluster} needs its port: {error}, which is to name another cluster "
            "(--cluster): its registry takes any free port"
        ) from None


def config(plan: K3dPlan) -> dict[str, Any]:
    """Return the configuration in k3d's ``v1alpha5`` schema, which k3d 5.5 introduced.

    Both the API and the registry listen on 127.0.0.1 only. The user's kubeconfig stays as it is. Traefik is
    left out: nothing of Kyma uses it, and its charts are half of what a cluster starts with.
    """
    labels = [
        {"label": f"{name}={value}", "nodeFilters": ["all"]}
        for name, value in labels_of(plan.cluster, plan.folder).items()
    ]
    described = {
        "apiVersion": "k3d.io/v1alpha5",
        "kind": "Simple",
        "metadata": {"name": plan.cluster},
        "servers": 1,
        "agents": 0,
        "kubeAPI": {"hostIP": "127.0.0.1", "hostPort": str(plan.api_port)},
        "registries": {
            "create": {
                "name": registry_name(plan.cluster),
                "host": "127.0.0.1",
                "hostPort": str(plan.registry_port),
                "image": plan.registry_image,
            }
        },
        "options": {
            "k3d": {"wait": True, "timeout": f"{TIMEOUT_SECONDS}s", "disableRollback": True},
            "k3s": {"extraArgs": [{"arg": "--disable=traefik", "nodeFilters": ["server:*"]}]},
            "kubeconfig": {"updateDefaultKubeconfig": False, "switchCurrentContext": False},
            "runtime": {"labels": labels},
        },
    }
    return described | ({"image": plan.node_image} if plan.node_image else {})
