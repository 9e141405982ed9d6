"""A cluster that is there already: whoever's it is, it is left as it was found."""

import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import urlsplit

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
from kyma_harness.clusters.provider import Capability, ProviderOptions, RegistryAddress
from kyma_harness.clusters.ready import lacks_default_storage, removing_on_failure, settle
from kyma_harness.host.errors import CommandError
from kyma_harness.host.paths import private_folder, write_private
from kyma_harness.host.process import run
from kyma_harness.wait.steps import Step
from kyma_harness.wait.waits import Target

SECONDS = 30.0


async def copy_context(kubectl: Path, *, source: Path | None, context: str | None, target: Path) -> None:
    """Write a kubeconfig with this context alone, certificates included, that only this user may read.

    ``source`` None means what kubectl reads: ``$KUBECONFIG`` with all its files, or ``~/.kube/config``.
    Raises :class:`ProviderUnavailableError` that names the known contexts.
    """
    command: list[str | Path] = [kubectl, *([f"--kubeconfig={source}"] if source else []), "config"]
    known = await _contexts(command, source)
    if context is None:
        raise ProviderUnavailableError(
            f"name the cluster by its context, with --harness-context (--context): {known}"
        )
    view = ["view", "--raw", "--minify", "--flatten", f"--context={context}", "--output=yaml"]
    try:
        done = await run([*command, *view], timeout=SECONDS)
    except CommandError as error:
        raise ProviderUnavailableError(
            f"context {context} is not in {source or 'the kubeconfig'}, {known} "
            f"({error.output.strip().removeprefix('error: ')})"
        ) from None
    write_private(target, done.stdout)


async def _contexts(command: list[str | Path], source: Path | None) -> str:
    if source is not None and not source.is_file():  # noqa: ASYNC240 - one look
        raise ProviderUnavailableError(f"there is no kubeconfig {source}: name one that exists")
    try:
        done = await run([*command, "get-contexts", "--output=name"], timeout=SECONDS)
    except CommandError as error:
        raise ProviderUnavailableError(
            f"the kubeconfig {source or ''} cannot be read: {error.output}"
        ) from None
    if not (names := done.stdout.split()):
        return "there is none in your kubeconfig, name another with --harness-kubeconfig (--kubeconfig)"
    return f"known are {', '.join(names)}"


TEST_CONTEXTS = (
    "colima",
    "docker-desktop",
    "k3d-",
    "kind-",
    "microk8s",
    "minikube",
    "orbstack",
    "rancher-desktop",
)
"""How the contexts of clusters begin that live on their user's own machine."""


def check_allowed(context: str, server: str, allowed: str | None) -> None:
    """Let a context through that looks like a test cluster's, or that was allowed by name.

    A test cluster's API server is on this very machine and its context is named as the usual tools name
    theirs. Everything else could be anybody's, so it is asked for: :class:`ForeignClusterError` says how.
    """
    if allowed == context:
        return
    if allowed is not None:
        raise ForeignClusterError(
            f"context {allowed} is allowed, but context {context} was chosen: name the same one twice"
        )
    if context.startswith(TEST_CONTEXTS) and is_local(server):
        return
    raise ForeignClusterError(
        f"context {context} ({server}) does not look like a test cluster, and the harness would deploy "
        f"lifecycle managers with all rights into it. If that is meant: --harness-allow-context={context} "
        "(--allow-context on the command line)"
    )


def is_local(server: str) -> bool:
    """Tell whether an API server's URL leads to this machine."""
    host = urlsplit(server).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".docker.internal")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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

    async def create(self, on_step: Callable[[Step], None]) -> None:
        """Check that the cluster may and can be used, and mark it as in use."""
        _ = self.registry
        private_folder(self._home.folder)
        async with removing_on_failure(self.delete):
            await self._copy_context()
            async with self._home.client() as client:
                check_allowed(str(self._options.context), client.server, self._options.allow_context)
                await settle(client, on_step)
                await _report_storage(client, on_step)
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


async def _report_storage(client: Client, report: Callable[[Step], None]) -> None:
    if await lacks_default_storage(client):
        message = "no default StorageClass: a volume claim waits until somebody makes a volume for it"
        report(Step(name="storage").over(note=message))


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
