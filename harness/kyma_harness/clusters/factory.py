"""Make the provider of a name, without touching any cluster yet."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.embedded import EmbeddedProvider
from kyma_harness.clusters.existing import ExistingProvider, RoomCheck, no_check
from kyma_harness.clusters.k3d import K3dCli, K3dProvider
from kyma_harness.clusters.kind import KindProvider
from kyma_harness.clusters.provider import ProcessRules, Provider, ProviderOptions
from kyma_harness.host.sharing import Share
from kyma_harness.toolchain.toolchain import ToolPaths

TOOLS = frozenset({"kubectl", "helm"})
"""What the harness itself uses on a cluster that brings its own control plane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that any provider is made from."""

    cluster: str
    state: Path
    tools: ToolPaths
    options: ProviderOptions
    rules: ProcessRules
    detached: bool
    users: Share
    """Ours of the cluster: one that is not detached goes with the last."""
    check_room: RoomCheck = no_check
    """Whether a cluster of somebody else's has room for what is deployed into it."""
    claim: Callable[[], str] = str
    """The id of our claim on such a cluster."""


def tools_for(provider: str) -> frozenset[str] | None:
    """Return the names of the tools that are needed with a provider; None means all of them."""
    return None if provider == "embedded" else TOOLS


def make_provider(name: str, wanted: Wanted) -> Provider:
    """Return the provider of this name."""
    home = ClusterHome(cluster=wanted.cluster, folder=wanted.state, kubectl=wanted.tools.folder / "kubectl")
    if name == "k3d":
        cli = K3dCli.find(kubeconfig=wanted.state / "k3d-kubeconfig")
        return K3dProvider(home=home, cli=cli, options=wanted.options)
    if name == "kind":
        return KindProvider(home=home, options=wanted.options)
    if name == "existing":
        return ExistingProvider(
            home=home, options=wanted.options, check_room=wanted.check_room, claim=wanted.claim
        )
    return EmbeddedProvider(
        cluster=wanted.cluster,
        state=wanted.state,
        tools=wanted.tools,
        rules=wanted.rules,
        detached=wanted.detached,
        users=wanted.users,
    )


def provider_to_delete(name: str, *, cluster: str, state: Path, options: ProviderOptions) -> Provider:
    """Return the provider of a cluster that is only to be deleted, which takes neither tools nor rules."""
    wanted = Wanted(
        cluster=cluster,
        state=state,
        tools=ToolPaths(folder=state),
        options=options,
        rules=ProcessRules(),
        detached=True,
        users=Share(state / "users.lock"),
    )
    return make_provider(name, wanted)
