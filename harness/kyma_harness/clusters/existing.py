"""A cluster that is there already: whoever's it is, it is left as it was found."""

import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from kubeloop.client import Client
from kubeloop.errors import ForbiddenError, NotFoundError, UnreachableError
from kubeloop.kinds import CONFIG_MAP, NAMESPACE
from kubeloop.resource import Object, uid_of
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.errors import (
    ForeignClusterError,
    MismatchError,
    NotCapableError,
    NotRunningError,
    ProviderUnavailableError,
)
from kyma_harness.clusters.guard import check_allowed
from kyma_harness.clusters.kubeconfig import copy_context
from kyma_harness.clusters.options import ProviderOptions
from kyma_harness.clusters.provider import Capability, Progress, RegistryAddress
from kyma_harness.clusters.ready import lacks_default_storage, removing_on_failure, settle
from kyma_harness.host.paths import private_folder
from kyma_harness.wait.waits import Target

MARKER = Target(kind=CONFIG_MAP, name="kyma-harness", namespace="kube-system")
"""Who uses the cluster: two runs in one would take each other's module away."""
KYMA_NAMESPACE = "kcp-system"
RoomCheck = Callable[[Client], Awaitable[None]]
"""Raises :class:`ForeignClusterError` where something in the cluster would be overwritten."""


async def no_check(_client: Client) -> None:
    """Find room in any cluster: for one that is only to be left."""


class ExistingProvider:
    """One context of a kubeconfig, with a registry that both sides reach."""

    name = "existing"
    capabilities = frozenset({Capability.CONTAINERS, Capability.POD_NETWORK})
    disposable = False

    def __init__(
        self,
        *,
        home: ClusterHome,
        options: ProviderOptions,
        check_room: RoomCheck = no_check,
        claim: Callable[[], str] = str,
    ) -> None:
        """Speak of one context; ``claim`` returns the id that our claim has, or is to have."""
        self._home = home
        self._options = options
        self._check_room = check_room
        self._claim_id = claim

    @property
    def kubeconfig(self) -> Path:
        """A copy of the one context, in the state folder."""
        return self._home.kubeconfig

    @property
    def registry(self) -> RegistryAddress:
        """The registry that was named, as we reach it and as the cluster does."""
        if not self._options.registry:
            raise ProviderUnavailableError(
                "an existing cluster needs a registry that we push to and its nodes and pods pull from: name "
                "it with --harness-registry=HOST:PORT (--registry), or HOST:PORT=HOST:PORT where the cluster "
                "reaches it under another name"
            )
        push, _, pull = self._options.registry.partition("=")
        return RegistryAddress(push=push, pull=pull or push, nodes=pull or push)

    async def attach(self) -> bool:
        """Take up the cluster if we have claimed it; MismatchError where somebody else has by now."""
        if not self.kubeconfig.exists():
            return False
        async with self._home.client() as client:
            marker = await _marker(client)
        if marker is None:
            return False
        if not self._is_ours(marker):
            context = self._options.context
            raise MismatchError(
                f"the cluster of context {context} is claimed by another run {marker['data']}, so nothing in "
                "it is touched: `kyma-harness down` removes what is left of ours on this machine"
            )
        return True

    async def create(self, on_progress: Callable[[Progress], None]) -> None:
        """Check that the cluster may and can be used, and mark it as in use."""
        _ = self.registry
        private_folder(self._home.folder)
        async with removing_on_failure(self.delete):
            await self._copy_context()
            async with self._home.client() as client:
                check_allowed(str(self._options.context), client.server, self._options.allow_context)
                await settle(client, on_progress)
                await _report_storage(client, on_progress)
                await self._claim(client)  # last: what fails before leaves no mark

    def reach(self, namespace: str, service: str, port: int) -> AbstractAsyncContextManager[str]:
        """Forward a port of this host to the Service, through the API server."""
        return self._home.reach(namespace, service, port)

    async def load_image(self, archive: Path) -> list[str]:
        """Refuse: nodes take images from registries."""
        raise NotCapableError(
            f"{archive.name} cannot be put on the nodes of {self._options.context}: push it to "
            "a registry that they pull from, or import it there by hand (`ctr -n k8s.io images import`)"
        )

    async def collect_logs(self, folder: Path) -> None:
        """Write down the nodes as they are; what their system wrote is not ours to read."""
        private_folder(folder)
        async with self._home.client() as client:
            answer = await client.request("GET", "/api/v1/nodes")
        (folder / "nodes.json").write_text(json.dumps(answer, indent=1))

    async def delete(self) -> None:
        """Take our mark off the cluster; what was deployed into it has to be gone by then."""
        try:
            if self.kubeconfig.exists():
                await self._unmark()
        finally:
            self._home.remove()

    async def _unmark(self) -> None:
        async with self._home.client() as client:
            marker = await _marker(client)
            if marker and self._is_ours(marker):
                uid = uid_of(marker)
                await client.delete(MARKER.kind, MARKER.name, namespace=MARKER.namespace, uid=uid)

    def _is_ours(self, marker: Object) -> bool:
        """Tell by the id, as names are the same for everybody; older versions wrote none."""
        data = marker.get("data") or {}
        if claim := self._claim_id():
            return bool(data.get("id") == claim)
        named = {"cluster": self._home.cluster, "host": socket.gethostname()}
        return not data.get("id") and data.items() >= named.items()

    async def _copy_context(self) -> None:
        await copy_context(
            self._home.kubectl,
            source=self._options.kubeconfig,
            context=self._options.context,
            target=self.kubeconfig,
        )

    async def _claim(self, client: Client) -> None:
        if marker := await _marker(client):
            raise MismatchError(
                f"the cluster of context {self._options.context} is in use as {marker['data']}: run "
                f"`kyma-harness down` there, or delete {MARKER} if nobody does"
            )
        if await _has_kyma(client):
            raise ForeignClusterError(
                f"the cluster of context {self._options.context} has a Kyma already (namespace "
                f"{KYMA_NAMESPACE}), which the harness would overwrite: choose another cluster"
            )
        await self._check_room(client)
        data = {"cluster": self._home.cluster, "host": socket.gethostname(), "id": self._claim_id()}
        metadata = {"name": MARKER.name, "namespace": MARKER.namespace}
        await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


async def _report_storage(client: Client, report: Callable[[Progress], None]) -> None:
    if await lacks_default_storage(client):
        message = "no default StorageClass: a volume claim waits until somebody makes a volume for it"
        report(Progress(part="storage", state="ready", seconds=0, message=message))


async def _marker(client: Client) -> Object | None:
    try:
        return await client.get(MARKER.kind, MARKER.name, MARKER.namespace)
    except NotFoundError:
        return None
    except ForbiddenError as error:
        raise ProviderUnavailableError(f"the harness needs an administrator's rights: {error}") from None
    except UnreachableError as error:
        raise NotRunningError(f"the cluster does not answer: {error}") from None


async def _has_kyma(client: Client) -> bool:
    try:
        await client.get(NAMESPACE, KYMA_NAMESPACE)
    except NotFoundError:
        return False
    return True
