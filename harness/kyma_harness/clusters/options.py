"""What somebody may say about the cluster: each provider reads what concerns it."""

from dataclasses import dataclass
from pathlib import Path

REGISTRY_IMAGE = "docker.io/library/registry:3.1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    """The choices that only some providers have; ``None`` leaves them to the provider."""

    kubeconfig: Path | None = None
    """existing: where the cluster's context is, by default ``$KUBECONFIG`` or ``~/.kube/config``."""
    context: str | None = None
    """existing: the context to use; never guessed."""
    allow_context: str | None = None
    """existing: the same context once more, for a cluster that does not look like one for tests."""
    registry: str | None = None
    """existing: ``host:port`` of a registry we push to; after ``=``, the same as the cluster reaches it."""
    registry_image: str = REGISTRY_IMAGE
    """k3d, kind: what the registry beside the cluster runs."""
    node_image: str | None = None
    """k3d, kind: the image of the nodes, by default the tool's own."""
    kind_binary: Path | None = None
    """kind: the program, by default the one on PATH, else the one pytest-kind downloads."""
    kind_config: Path | None = None
    """kind: a cluster configuration to start from."""
