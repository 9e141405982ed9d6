"""Run the k3d command line, version 5."""

import os
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import semver

from kyma_harness.clusters.errors import ProviderUnavailableError
from kyma_harness.host.errors import CommandError
from kyma_harness.host.process import Completed, run

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
