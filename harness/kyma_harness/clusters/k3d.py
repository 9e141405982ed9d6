"""The original PoC's set-up: k3s in containers, by the k3d command line."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path

import yaml

from kyma_harness.clusters.archive import names_in
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.coredns import alias
from kyma_harness.clusters.docker import Container, Docker
from kyma_harness.clusters.errors import CreationError, DockerError, ForeignClusterError, NotRunningError
from kyma_harness.clusters.k3d_cli import K3dCli
from kyma_harness.clusters.k3d_config import INTERNAL_PORT, config, plan_for, registry_name
from kyma_harness.clusters.labels import CLUSTER_LABEL
from kyma_harness.clusters.options import ProviderOptions
from kyma_harness.clusters.provider import Capability, Progress, RegistryAddress
from kyma_harness.clusters.ready import keeping_logs, removing_on_failure, settle, step
from kyma_harness.host.errors import CommandError, HarnessError
from kyma_harness.host.paths import private_folder, write_private

K3D_LABEL, ROLE_LABEL = "k3d.cluster", "k3d.role"
ATTEMPTS = 2


class K3dProvider:
    """A cluster that k3d made for us, and the registry beside it."""

    name = "k3d"
    capabilities = frozenset({Capability.CONTAINERS, Capability.POD_NETWORK})
    disposable = True

    def __init__(self, *, home: ClusterHome, cli: K3dCli, options: ProviderOptions) -> None:
        self._home = home
        self._cluster = home.cluster
        self._cli = cli
        self._options = options
        self._registry: RegistryAddress | None = None

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, in the cluster's state folder."""
        return self._home.kubeconfig

    @property
    def registry(self) -> RegistryAddress:
        """The registry: by its port here, by its container's name on the nodes, by ``.localhost`` in pods."""
        if self._registry is None:
            raise NotRunningError.of_cluster(self._cluster)
        return self._registry

    async def attach(self) -> bool:
        """Take up the cluster if k3d runs one of this name; refuse one that is not ours."""
        async with Docker.connect() as docker:
            containers = await self._containers(docker)
        if not any(one.running for one in _servers(containers)):
            return False
        self._check_ours(containers)
        await self._note(containers)
        return True

    async def create(self, on_progress: Callable[[Progress], None]) -> None:
        """Create the cluster, once more if the first attempt fails, and wait until it can be used.

        On failure only logs are left, in the state folder.
        """
        await self._cli.version()
        private_folder(self._home.folder)
        async with Docker.connect() as docker:
            containers = await self._containers(docker)
            self._check_ours(containers)
            if _servers(containers):
                await self._cli.start(self._cluster)
                await self._settle(docker, on_progress)
                return
            await self._pull(docker, on_progress)
            async with removing_on_failure(lambda: self._remove(docker)):
                await self._create(docker, on_progress)
                async with keeping_logs(self._collect, self._home.logs / "settling"):
                    await self._settle(docker, on_progress)

    def reach(self, namespace: str, service: str, port: int) -> AbstractAsyncContextManager[str]:
        """Forward a port of this host to the Service, through the API server."""
        return self._home.reach(namespace, service, port)

    async def load_image(self, archive: Path) -> list[str]:
        """Import the images into every node."""
        names = names_in(archive)
        await self._cli.import_image(self._cluster, archive)
        return names

    async def collect_logs(self, folder: Path) -> None:
        """Write one log file for each of the cluster's containers, and copy those of attempts that failed."""
        self._home.copy_logs(folder)
        await self._collect(folder)

    async def delete(self) -> None:
        """Delete the cluster and its registry, if they are ours."""
        async with Docker.connect() as docker:
            self._check_ours(await self._containers(docker))
            await self._remove(docker)
        self._home.remove()
        self._registry = None

    async def _pull(self, docker: Docker, report: Callable[[Progress], None]) -> None:
        """Pull the images that the daemon lacks, and tell how far: k3d says nothing for minutes."""
        for image in [*await self._cli.images(self._options.node_image), self._options.registry_image]:
            if not await docker.has_image(image):
                part = f"pull {image}"
                await step(part, partial(docker.pull, image, _running(part, report)), report)

    async def _create(self, docker: Docker, report: Callable[[Progress], None]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            await self._remove(docker)
            described = config(plan_for(self._cluster, self._home.folder, self._options))
            write_private(self._config_file, yaml.safe_dump(described, sort_keys=False))
            try:
                return await self._cli.create(self._config_file)
            except CommandError as error:
                said = await self._keep_logs(error, attempt)
                report(Progress(part="k3d", state="failed", seconds=0, message=said))
        raise CreationError(f"k3d did not create cluster {self._cluster}, tried {ATTEMPTS} times: {said}")

    async def _keep_logs(self, error: CommandError, attempt: int) -> str:
        logs = self._home.logs / f"attempt-{attempt}"
        write_private(private_folder(logs) / "k3d.log", error.output)
        try:
            await self._collect(logs)
        except (HarnessError, OSError) as second:
            return f"{error}\nWhat its containers wrote could not be collected: {second}"
        return f"{error}\nWhat its containers wrote is in {logs}"

    async def _collect(self, folder: Path) -> None:
        """Write down what each container wrote; of one that goes meanwhile, why there is nothing."""
        async with Docker.connect() as docker:
            private_folder(folder)
            for one in await self._containers(docker):
                try:
                    wrote = await docker.logs(one.name)
                except DockerError as error:
                    wrote = f"({error})\n".encode()
                write_private(folder / f"{one.name}.log", wrote)

    async def _settle(self, docker: Docker, report: Callable[[Progress], None]) -> None:
        await self._note(await self._containers(docker))
        name = registry_name(self._cluster)
        async with self._home.client() as client:
            await settle(client, report, brings_dns=True)
            await step("patch-coredns", lambda: alias(client, f"{name}.localhost", name), report)

    async def _containers(self, docker: Docker) -> list[Container]:
        return await docker.containers(f"{K3D_LABEL}={self._cluster}")

    def _check_ours(self, containers: list[Container]) -> None:
        """Accept a server with our label, and what a creation of ours left that did not get to a server."""
        servers = _servers(containers)
        labels = {one.labels.get(CLUSTER_LABEL) for one in servers}
        ours = labels == {self._cluster} if servers else self._config_file.exists()
        if containers and not ours:
            names = ", ".join(one.name for one in containers)
            raise ForeignClusterError(
                f"k3d has a cluster {self._cluster} that the harness did not make ({names}): delete it "
                f"yourself with `k3d cluster delete {self._cluster}`, or name another with --cluster"
            )

    async def _note(self, containers: list[Container]) -> None:
        registry = next((one for one in containers if one.labels.get(ROLE_LABEL) == "registry"), None)
        if registry is None or not (port := registry.published(INTERNAL_PORT)):
            raise NotRunningError.of_registry(self._cluster)
        self._registry = RegistryAddress(
            push=f"localhost:{port}",
            pull=f"{registry.name}.localhost:{INTERNAL_PORT}",
            nodes=f"{registry.name}:{port}",
        )
        private_folder(self._home.folder)
        write_private(self.kubeconfig, await self._cli.kubeconfig(self._cluster))

    async def _remove(self, docker: Docker) -> None:
        """Remove what an attempt made: k3d leaves a registry behind that never ran, network and volume."""
        await self._cli.delete(self._cluster)
        for one in await self._containers(docker):
            with suppress(CommandError):
                await self._cli.delete_registry(one.name)
        await docker.remove_network(f"k3d-{self._cluster}")
        await docker.remove_volume(f"k3d-{self._cluster}-images")
        self._config_file.unlink(missing_ok=True)

    @property
    def _config_file(self) -> Path:
        """Written before k3d makes anything: it tells that a registry without a server is ours."""
        return self._home.folder / "k3d.yaml"


def _running(part: str, report: Callable[[Progress], None]) -> Callable[[str], None]:
    """Return what reports how far a part is."""
    started = time.monotonic()

    def say(text: str) -> None:
        seconds = time.monotonic() - started
        report(Progress(part=part, state="running", seconds=seconds, message=text))

    return say


def _servers(containers: list[Container]) -> list[Container]:
    return [one for one in containers if one.labels.get(ROLE_LABEL) == "server"]
