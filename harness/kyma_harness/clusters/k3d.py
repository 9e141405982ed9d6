"""The original PoC's set-up: k3s in containers, by the k3d command line."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import semver
import yaml

from kubeloop.client import Client
from kubeloop.errors import NotFoundError
from kubeloop.kinds import CONFIG_MAP
from kubeloop.resource import Object
from kyma_harness.clusters.archive import names_in
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.docker import CLUSTER_LABEL, Container, Docker, labels_of
from kyma_harness.clusters.errors import (
    CreationError,
    DockerError,
    ForeignClusterError,
    NotRunningError,
    ProviderUnavailableError,
)
from kyma_harness.clusters.provider import Capability, ProviderOptions, RegistryAddress
from kyma_harness.clusters.ready import DNS, keeping_logs, removing_on_failure, settle, step
from kyma_harness.host.errors import CommandError, HarnessError, PortTakenError
from kyma_harness.host.paths import private_folder, write_private
from kyma_harness.host.ports import PortPool
from kyma_harness.host.process import Completed, run
from kyma_harness.wait.steps import Step
from kyma_harness.wait.waits import Target, wait_for

OLDEST = semver.Version(5, 5, 2)
"""The first version whose own k3s reads the ConfigMap ``coredns-custom`` as we write it."""
CREATE_SECONDS = 420.0
SECONDS = 120.0
_VERSION = re.compile(r"^k3d version v(\S+)$", re.MULTILINE)
_K3S_VERSION = re.compile(r"^k3s version (\S+)", re.MULTILINE)
_NOT_IMPORTED = re.compile(r"^.*level=error.*failed to (?:import|copy).*$", re.MULTILINE)
"""What k3d says of a node, or of a copy, that failed in an import which it then ends with 0."""


class K3dCli:
    """One k3d program; its commands neither read nor write the user's kubeconfig."""

    def __init__(self, program: Path, *, kubeconfig: Path) -> None:
        self._program = program
        # k3d edits the default kubeconfig even on deletion: this is the one it gets for that.
        self._environ = {**os.environ, "KUBECONFIG": str(kubeconfig), "LOG_COLORS": "false"}

    @classmethod
    def find(cls, *, kubeconfig: Path, path: str | None = None) -> Self:
        """Return the k3d on PATH; raises :class:`ProviderUnavailableError` where there is none."""
        found = shutil.which("k3d", path=path)
        if found is None:
            raise ProviderUnavailableError(
                f"there is no k3d on PATH: install k3d {OLDEST} or newer (https://k3d.io), or use another "
                "provider"
            )
        return cls(Path(found), kubeconfig=kubeconfig)

    async def version(self) -> semver.Version:
        """Return its version; raises :class:`ProviderUnavailableError` for one that is too old."""
        done = await self._said_of_version()
        found = _VERSION.search(done.stdout)
        if found is None:
            raise ProviderUnavailableError(
                f"{self._program} does not say its version, but {done.stdout.strip()!r}: is it k3d?"
            )
        version = semver.Version.parse(found[1])
        if version < OLDEST:
            raise ProviderUnavailableError(
                f"k3d {version} is too old, {OLDEST} is the oldest that works: update {self._program}"
            )
        return version

    async def images(self, node_image: str | None) -> list[str]:
        """Return the images that a creation takes, the registry's but: of nodes, load balancer and tools.

        Environment variables of k3d's own can name others than its release does.
        """
        said = (await self._said_of_version()).stdout
        k3d, k3s = _VERSION.search(said), _K3S_VERSION.search(said)
        tag = self._environ.get("K3D_HELPER_IMAGE_TAG") or (k3d[1] if k3d else "latest")
        return [
            node_image or f"docker.io/rancher/k3s:{k3s[1] if k3s else 'latest'}",
            self._environ.get("K3D_IMAGE_LOADBALANCER") or f"ghcr.io/k3d-io/k3d-proxy:{tag}",
            self._environ.get("K3D_IMAGE_TOOLS") or f"ghcr.io/k3d-io/k3d-tools:{tag}",
        ]

    async def create(self, config: Path) -> None:
        """Create a cluster and its registry; what was made stays on failure, for its logs to be read."""
        await self._run("cluster", "create", "--config", str(config), "--no-rollback", seconds=CREATE_SECONDS)

    async def start(self, cluster: str) -> None:
        """Start a cluster that was stopped."""
        await self._run("cluster", "start", cluster, "--wait", "--timeout", "180s", seconds=CREATE_SECONDS)

    async def kubeconfig(self, cluster: str) -> str:
        """Return the administrator's kubeconfig."""
        return (await self._run("kubeconfig", "get", cluster)).stdout

    async def import_image(self, cluster: str, archive: Path) -> None:
        """Put the image of a tar on every node; raises :class:`CommandError` where one did not take it."""
        done = await self._run("image", "import", str(archive), "--cluster", cluster)
        if failed := _NOT_IMPORTED.findall(done.stdout + done.stderr):
            raise CommandError(f"k3d did not import {archive} into every node", output="\n".join(failed))

    async def delete(self, cluster: str) -> None:
        """Delete one cluster by its name; no error where there is none."""
        await self._run("cluster", "delete", cluster)

    async def delete_registry(self, name: str) -> None:
        """Delete one registry by its name."""
        await self._run("registry", "delete", name)

    async def _said_of_version(self) -> Completed:
        return await run([self._program, "version"], timeout=SECONDS, env=self._environ)

    async def _run(self, *arguments: str, seconds: float = SECONDS) -> Completed:
        # k3d leaves a copy of its configuration among the temporary files whenever it ends with an error.
        with TemporaryDirectory(prefix="k3d-") as scratch:
            environ = {**self._environ, "TMPDIR": scratch}
            return await run([self._program, *arguments], timeout=seconds, env=environ)


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


CUSTOM = Target(kind=CONFIG_MAP, name="coredns-custom", namespace="kube-system")
"""What k3s' Corefile imports ``*.override`` files from, into its one server block."""
COREFILE = Target(kind=CONFIG_MAP, name="coredns", namespace="kube-system")
IMPORT = re.compile(r"^\s*import\s+\S*/\*\.override\s*$", re.MULTILINE)
CHECKSUM = "kyma-harness.io/coredns-custom"


async def alias(client: Client, name: str, target: str, *, within: float = 60) -> None:
    """Make ``name`` resolve to whatever ``target`` resolves to, in every pod.

    module-manager speaks plain http only with hosts whose name ends in ``.localhost`` (or that are private
    addresses), and no DNS knows the registry's container under such a name. A rewrite follows the container
    when its address changes, which an entry with the address would not.

    Raises :class:`CreationError` where this CoreDNS would not read what we write.
    """
    await _check_import(client)
    line = f"rewrite name exact {name} {target}\n"
    await _set(client, f"{name}.override", line)
    await _restart(client, hashlib.sha256(line.encode()).hexdigest()[:16], within)


async def _check_import(client: Client) -> None:
    """Refuse a k3s before v1.27.3, v1.26.6, v1.25.11 or v1.24.15: its Corefile imports ``*.server`` only."""
    try:
        found = await client.get(COREFILE.kind, COREFILE.name, COREFILE.namespace)
    except NotFoundError:
        found = {}
    if not IMPORT.search(found.get("data", {}).get("Corefile", "")):
        raise CreationError(
            f"the Corefile of ConfigMap {COREFILE.namespace}/{COREFILE.name} imports no *.override of "
            f"{CUSTOM.name}, so pods could not find the registry: name a k3s of v1.27.3 or newer, or of June "
            "2023 or newer of its minor version, with --node-image, or take a newer k3d"
        )


async def _set(client: Client, key: str, text: str) -> None:
    patch: Object = {"data": {key: text}}
    try:
        await client.merge_patch(CUSTOM.kind, CUSTOM.name, patch, namespace=CUSTOM.namespace)
    except NotFoundError:
        metadata = {"name": CUSTOM.name, "namespace": CUSTOM.namespace}
        await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **patch})


async def _restart(client: Client, checksum: str, within: float) -> None:
    """Roll CoreDNS once for this text: a mounted ConfigMap would take it a minute to notice."""
    template = {"metadata": {"annotations": {CHECKSUM: checksum}}}
    patch = {"spec": {"template": template}}
    await client.merge_patch(DNS.kind, DNS.name, patch, namespace=DNS.namespace)
    await wait_for(client, DNS, _rolled_out, what="be rolled out", within=within)


def _rolled_out(seen: Object | None) -> str:
    if seen is None:
        return "it does not exist"
    status, wanted = seen.get("status", {}), seen["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < seen["metadata"]["generation"]:
        return "its change was not seen yet"
    counts = [status.get(count, 0) for count in ("updatedReplicas", "availableReplicas", "replicas")]
    return "" if counts == [wanted] * len(counts) else f"{counts[1]} of {wanted} new pods are available"


K3D_LABEL, ROLE_LABEL = "k3d.cluster", "k3d.role"
ATTEMPTS = 2
SETTLE_SECONDS = 120.0
"""For which each part of a new cluster is waited."""


class K3dProvider:
    """A cluster that k3d made for us, and the registry beside it."""

    name = "k3d"
    capabilities = frozenset({Capability.CONTAINERS, Capability.POD_NETWORK})
    disposable = True

    def __init__(
        self, *, home: ClusterHome, cli: K3dCli, options: ProviderOptions, patience: float = SETTLE_SECONDS
    ) -> None:
        self._home = home
        self._cluster = home.cluster
        self._cli = cli
        self._patience = patience
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

    async def create(self, on_step: Callable[[Step], None]) -> None:
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
                await self._settle(docker, on_step)
                return
            await self._pull(docker, on_step)
            async with removing_on_failure(lambda: self._remove(docker)):
                await self._create(docker, on_step)
                async with keeping_logs(self._collect, self._home.logs / "settling"):
                    await self._settle(docker, on_step)

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

    async def _pull(self, docker: Docker, report: Callable[[Step], None]) -> None:
        """Pull the images that the daemon lacks, and tell how far: k3d says nothing for minutes."""
        for image in [*await self._cli.images(self._options.node_image), self._options.registry_image]:
            if not await docker.has_image(image):
                part = f"pull {image}"
                await step(part, partial(docker.pull, image, _running(part, report)), report)

    async def _create(self, docker: Docker, report: Callable[[Step], None]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            await self._remove(docker)
            described = config(plan_for(self._cluster, self._home.folder, self._options))
            write_private(self._config_file, yaml.safe_dump(described, sort_keys=False))
            try:
                return await self._cli.create(self._config_file)
            except CommandError as error:
                said = await self._keep_logs(error, attempt)
                report(Step(name="k3d").over(ok=False, note=said))
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

    async def _settle(self, docker: Docker, report: Callable[[Step], None]) -> None:
        await self._note(await self._containers(docker))
        name = registry_name(self._cluster)
        async with self._home.client() as client:
            await settle(client, report, brings_dns=True, within=self._patience)
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


def _running(part: str, report: Callable[[Step], None]) -> Callable[[str], None]:
    """Return what reports how far a part is."""
    begun = Step(name=part)

    def say(text: str) -> None:
        report(replace(begun, note=text))

    return say


def _servers(containers: list[Container]) -> list[Container]:
    return [one for one in containers if one.labels.get(ROLE_LABEL) == "server"]
