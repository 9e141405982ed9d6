"""The cluster that needs neither Docker nor root: a real control plane and a process node on this host."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from kyma_harness.clusters.errors import NotCapableError, NotRunningError
from kyma_harness.clusters.provider import Capability, ProcessRules, RegistryAddress
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.host.sharing import Share
from kyma_harness.toolchain.toolchain import ToolPaths
from kyma_harness.wait.steps import Step


class EmbeddedProvider:
    """A cluster of child processes of one supervisor, in a state folder of its own."""

    name = "embedded"
    capabilities = frozenset({Capability.PROCESS_NODE})
    disposable = True

    def __init__(
        self,
        *,
        cluster: str,
        state: Path,
        tools: ToolPaths,
        rules: ProcessRules,
        detached: bool,
        users: Share,
    ) -> None:
        self._name = cluster
        self._state = state
        self._tools = tools
        self._rules = rules
        self._detached = detached
        self._users = users
        self._cluster: EmbeddedCluster | None = None

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, in the cluster's state folder."""
        return self._running().kubeconfig

    @property
    def registry(self) -> RegistryAddress:
        """The registry, which host and pods reach under the same address: the pods are processes here."""
        address = self._running().registry
        return RegistryAddress(push=address, pull=address, nodes=address)

    async def attach(self) -> bool:
        """Take up the cluster that runs in the state folder."""
        self._cluster = EmbeddedCluster.attach(self._state)
        return self._cluster is not None

    async def create(self, on_step: Callable[[Step], None]) -> None:
        """Start the supervisor and wait until it says that the cluster is ready."""
        self._cluster = await EmbeddedCluster.start(
            name=self._name,
            state=self._state,
            tools=self._tools,
            rules=self._rules.files,
            placeholders=self._rules.placeholders,
            detached=self._detached,
            users=self._users,
            on_step=on_step,
        )

    @asynccontextmanager
    async def reach(self, namespace: str, service: str, port: int) -> AsyncIterator[str]:
        """Give the host address at which the process node forwards to the Service's pods."""
        yield await self._running().address_of(namespace, service, port)

    async def load_image(self, archive: Path) -> list[str]:
        """Refuse: rules say which program runs for an image."""
        raise NotCapableError(
            f"cluster {self._name} has no containers, so {archive.name} cannot be loaded: write a rule "
            "for the image, or use a provider with containers, such as --harness-provider=k3d"
        )

    async def collect_logs(self, folder: Path) -> None:
        """Copy the logs of control plane, registry, node and supervisor."""
        shutil.copytree(self._running().logs, folder, dirs_exist_ok=True)

    async def delete(self) -> None:
        """Stop the supervisor, which stops everything in order, and remove whatever else is there."""
        await EmbeddedCluster.take_down(self._state)
        self._cluster = None

    def _running(self) -> EmbeddedCluster:
        if self._cluster is None:
            raise NotRunningError.of_cluster(self._name)
        return self._cluster
