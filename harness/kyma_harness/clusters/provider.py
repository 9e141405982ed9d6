"""What every cluster provider offers, and what a scenario may ask for by name."""

import enum
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kyma_harness.wait.steps import Step

AUTO = "auto"
"""k3d where Docker and k3d answer, else embedded."""
NAMES = ("embedded", "k3d", "kind", "existing")
"""The providers of clusters."""
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


class Capability(enum.StrEnum):
    """Something that not every provider can do; a scenario names it in ``@pytest.mark.needs(...)``."""

    CONTAINERS = "containers"
    """Pods are containers: images are pulled, file systems and networks are their own."""
    POD_NETWORK = "pod-network"
    """Pods reach one another by pod IP and by Service name."""
    PROCESS_NODE = "process-node"
    """Pods are processes of this host: they can be signalled, and their Services have host addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAddress:
    """Where one OCI registry is reached, as ``host:port``: each side has its own name for it."""

    push: str
    """By us, from this host."""
    pull: str
    """By pods, such as module-manager, which speaks plain http to local names and private addresses only."""
    nodes: str
    """By the nodes' container runtime: what image references begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRules:
    """What the process node is told at its start: rule files, and values for their placeholders."""

    files: Sequence[Path] = ()
    placeholders: Mapping[str, str] = field(default_factory=dict)


class Provider(Protocol):
    """A cluster under one name, whether it exists already or not.

    ``kubeconfig`` and ``registry`` are valid after :meth:`create`, or after :meth:`attach` returned true.
    """

    @property
    def name(self) -> str:
        """The provider's name, as in ``--harness-provider``."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What scenarios may rely on here."""

    @property
    def disposable(self) -> bool:
        """Whether :meth:`delete` takes all of the cluster away, whatever was deployed into it."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; a file of its own, never the user's."""

    @property
    def registry(self) -> RegistryAddress:
        """The OCI registry that belongs to the cluster."""

    async def attach(self) -> bool:
        """Take up a running cluster of this name; false where there is none."""

    async def create(self, on_step: Callable[[Step], None]) -> None:
        """Bring the cluster up and return when it can be used, or raise with nothing left running.

        Each part of it is told when it begins and when it has ended; ``cluster`` is the whole.
        """

    def reach(self, namespace: str, service: str, port: int) -> AbstractAsyncContextManager[str]:
        """Give ``host:port`` under which a Service's port answers from this host, while the block runs."""

    async def load_image(self, archive: Path) -> list[str]:
        """Put images on every node, from a tar of them, and return the names that the tar gives them.

        For images whose name is not ours to choose; ours go through the registry. Raises
        :class:`NotCapableError` where the nodes take no images from us, :class:`ArchiveError` for what is no
        such tar.
        """

    async def collect_logs(self, folder: Path) -> None:
        """Copy the logs of the cluster's own parts into a folder."""

    async def delete(self) -> None:
        """Take the cluster and everything of it away; no error where there is none."""
