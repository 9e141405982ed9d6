"""A kind cluster, through pytest-kind, with a local registry as kind's guide describes it."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import semver
import yaml

from kubeloop.resource import Object
from kyma_harness.clusters.archive import names_in
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.docker import CLUSTER_LABEL, Container, Docker, labels_of
from kyma_harness.clusters.errors import (
    ClusterError,
    CreationError,
    ForeignClusterError,
    NotRunningError,
    ProviderUnavailableError,
)
from kyma_harness.clusters.provider import Capability, ProviderOptions, RegistryAddress
from kyma_harness.clusters.ready import keeping_logs, removing_on_failure, settle
from kyma_harness.host.extras import lacking
from kyma_harness.host.paths import private_folder, write_private
from kyma_harness.host.ports import PortPool
from kyma_harness.host.process import run
from kyma_harness.wait.steps import Step

REGISTRY_FOLDER = Path("/etc/containerd/certs.d")
"""Where containerd on a node looks for a registry's hosts; on by default since kind 0.27."""
_CONFIG_PATH_PATCH = f"""\
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{REGISTRY_FOLDER}"
"""


def config(given: Path | None, *, patch_containerd: bool) -> dict[str, Any]:
    """Return a configuration for ``kind create cluster``, starting from the given one if there is one."""
    described: dict[str, Any] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}
    if given is not None:
        described |= _read(given)
    if patch_containerd:
        described["containerdConfigPatches"] = [
            *described.get("containerdConfigPatches", ()),
            _CONFIG_PATH_PATCH,
        ]
    return described


def hosts_toml(registry: str) -> str:
    """Tell containerd that what the folder names is reached at ``host:port``, by plain http."""
    return f'[host."http://{registry}"]\n'


def hosting(address: str) -> Object:
    """Announce the registry to tools in the cluster, by the convention of KEP-1755."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public"},
        "data": {"localRegistryHosting.v1": yaml.safe_dump({"host": address})},
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CreationError(f"kind's configuration {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise CreationError(f"kind's configuration {path} is not YAML: {error}") from None
    if not isinstance(found, dict):
        raise CreationError(f"kind's configuration {path} is not a mapping with `kind: Cluster`")
    return found


try:
    import requests
    from pytest_kind import KindCluster
except ModuleNotFoundError as error:
    LACKING = lacking(error)
else:
    LACKING = ""

NODE_LABEL = "io.x-k8s.kind.cluster"
REGISTRY_PORT = 5000
"""The registry's port inside its container."""
SINCE_CONFIG_PATH = semver.Version(0, 27, 0)
"""kind's first version whose nodes look into the registry folder without being told to."""
SECONDS = 120.0


class KindProvider:
    """A cluster that kind made for us, and the registry beside it."""

    name = "kind"
    capabilities = frozenset({Capability.CONTAINERS, Capability.POD_NETWORK})
    disposable = True

    def __init__(self, *, home: ClusterHome, options: ProviderOptions) -> None:
        check_installed()
        self._home = home
        self._cluster = home.cluster
        self._options = options
        self._registry: RegistryAddress | None = None

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, in the cluster's state folder."""
        return self._home.kubeconfig

    @property
    def registry(self) -> RegistryAddress:
        """The registry: by its port here and, through containerd, on the nodes; by its address in pods."""
        if self._registry is None:
            raise NotRunningError.of_cluster(self._cluster)
        return self._registry

    async def attach(self) -> bool:
        """Take up the cluster if kind runs one of this name; refuse one that is not ours."""
        async with Docker.connect() as docker:
            nodes = await self._nodes(docker)
            if not any(node.running for node in nodes) or not self.kubeconfig.exists():
                return False
            await self._check_ours(docker, nodes)
            self._registry = await self._find_registry(docker, nodes)
        return True

    async def create(self, on_step: Callable[[Step], None]) -> None:
        """Create the registry and the cluster, connect them, and wait until the cluster can be used."""
        async with Docker.connect() as docker:
            await self._check_ours(docker, await self._nodes(docker))
            private_folder(self._home.folder)
            async with removing_on_failure(lambda: self._remove(docker)):
                await self._run_registry(docker)
                await self._create(on_step)
                self._registry = await self._connect_registry(docker, await self._nodes(docker))
                async with keeping_logs(self._export, self._home.logs / "settling"):
                    await self._settle(self._registry, on_step)

    def reach(self, namespace: str, service: str, port: int) -> AbstractAsyncContextManager[str]:
        """Forward a port of this host to the Service; pytest-kind's own way takes ten seconds each time."""
        return self._home.reach(namespace, service, port)

    async def load_image(self, archive: Path) -> list[str]:
        """Load the images into every node, without a detour through the Docker daemon."""
        names = names_in(archive)
        await self._kind("load", "image-archive", str(archive), "--name", self._cluster)
        return names

    async def collect_logs(self, folder: Path) -> None:
        """Let kind collect what its nodes wrote, and copy what it collected when they failed."""
        self._home.copy_logs(folder)
        await self._export(folder)

    async def delete(self) -> None:
        """Delete the cluster and its registry, if they are ours."""
        async with Docker.connect() as docker:
            await self._check_ours(docker, await self._nodes(docker))
            await self._remove(docker)
        self._home.remove()

    async def _create(self, report: Callable[[Step], None]) -> None:
        begun = Step(name="kind")
        cluster = await asyncio.to_thread(self._pytest_kind)
        try:
            await asyncio.to_thread(cluster.ensure_kind)
        except (requests.RequestException, OSError) as error:
            raise ProviderUnavailableError(
                f"there is no kind on PATH, and it cannot be downloaded ({error}): install it, or name one "
                "with --harness-kind-binary (--kind-binary)"
            ) from None
        old = await self._version(cluster.kind_path) < SINCE_CONFIG_PATH
        described = config(self._options.kind_config, patch_containerd=old)
        file = write_private(self._home.folder / "kind.yaml", yaml.safe_dump(described, sort_keys=False))
        try:
            await asyncio.to_thread(cluster.create, file)
        except subprocess.CalledProcessError as error:
            raise CreationError(
                f"kind did not create cluster {self._cluster}, it ended with {error.returncode}: "
                "its reasons stand above"
            ) from None
        report(begun.over())

    async def _settle(self, registry: RegistryAddress, report: Callable[[Step], None]) -> None:
        async with self._home.client() as client:
            await settle(client, report)
            await client.apply(hosting(registry.push), field_manager="kyma-harness", force=True)

    async def _export(self, folder: Path) -> None:
        private_folder(folder)
        await self._kind("export", "logs", str(folder), "--name", self._cluster)

    async def _run_registry(self, docker: Docker) -> None:
        found = await docker.container(self._registry_name)
        if found and found.running:
            return
        await docker.remove(self._registry_name)
        with PortPool() as ports:
            port = ports.reserve()
        await docker.run_registry(
            self._registry_name,
            image=self._options.registry_image,
            port=port,
            labels=labels_of(self._cluster, self._home.folder),
        )

    async def _connect_registry(self, docker: Docker, nodes: list[Container]) -> RegistryAddress:
        """Put the registry into the nodes' network, and tell each node how to reach it."""
        await docker.connect_network(self._registry_name, _network(nodes))
        address = await self._find_registry(docker, nodes)
        for node in nodes:
            file = REGISTRY_FOLDER / address.nodes / "hosts.toml"
            await docker.write_file(node.name, file, hosts_toml(f"{self._registry_name}:{REGISTRY_PORT}"))
        return address

    async def _find_registry(self, docker: Docker, nodes: list[Container]) -> RegistryAddress:
        found = await docker.container(self._registry_name)
        if found is None or not (port := found.published(REGISTRY_PORT)):
            raise NotRunningError.of_registry(self._cluster)
        return RegistryAddress(
            push=f"localhost:{port}",
            # No name of a container ends so that module-manager would speak plain http with it.
            pull=f"{found.addresses[_network(nodes)]}:{REGISTRY_PORT}",
            nodes=f"localhost:{port}",
        )

    async def _nodes(self, docker: Docker) -> list[Container]:
        return await docker.containers(f"{NODE_LABEL}={self._cluster}")

    async def _check_ours(self, docker: Docker, nodes: list[Container]) -> None:
        """Tell by the registry, which carries our label: kind lets nobody label its containers."""
        registry = await docker.container(self._registry_name)
        ours = registry is not None and registry.labels.get(CLUSTER_LABEL) == self._cluster
        if (nodes or registry) and not ours:
            names = ", ".join(one.name for one in [*nodes, *([registry] if registry else [])])
            raise ForeignClusterError(
                f"there is a kind cluster {self._cluster} that the harness did not make ({names}): delete it "
                f"yourself with `kind delete cluster --name {self._cluster}`, or name another with --cluster"
            )

    async def _remove(self, docker: Docker) -> None:
        cluster = self._pytest_kind()
        try:
            if await self._nodes(docker):
                await asyncio.to_thread(cluster.delete)
        except (subprocess.CalledProcessError, OSError) as error:
            raise ClusterError(
                f"kind did not delete cluster {self._cluster}: {error}: see what stands above, or delete its "
                "containers with docker"
            ) from None
        finally:
            await docker.remove(self._registry_name)
        with suppress(OSError):  # not empty where pytest-kind keeps a downloaded kind
            cluster.path.rmdir()
            cluster.path.parent.rmdir()

    async def _kind(self, *arguments: str) -> None:
        await run([self._pytest_kind().kind_path, *arguments], timeout=SECONDS)

    async def _version(self, program: Path) -> semver.Version:
        done = await run([program, "--version"], timeout=SECONDS)
        return semver.Version.parse(done.stdout.strip().rpartition(" ")[2].removeprefix("v"))

    def _pytest_kind(self) -> "KindCluster":
        given = self._options.kind_binary or shutil.which("kind")
        return KindCluster(
            self._cluster,
            kubeconfig=self.kubeconfig,
            image=self._options.node_image,
            kind_path=Path(given) if given else None,
            kubectl_path=self._home.kubectl,
        )

    @property
    def _registry_name(self) -> str:
        return f"kind-{self._cluster}-registry"


def check_installed() -> None:
    """Raise :class:`ProviderUnavailableError` where there is no pytest-kind."""
    if LACKING:
        raise ProviderUnavailableError(LACKING)


def _network(nodes: list[Container]) -> str:
    return next(iter(nodes[0].addresses))
