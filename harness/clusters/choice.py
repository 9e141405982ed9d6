"""Choose a provider, and tell which ones could run here and what the others lack."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.docker import Docker
from harness.clusters.errors import ClusterError, ProviderUnavailableError
from harness.clusters.k3d_cli import K3dCli
from harness.clusters.kubeconfig import copy_context
from harness.clusters.options import ProviderOptions
from harness.host.errors import HarnessError

AUTO = "auto"
NAMES = ("embedded", "k3d", "kind", "existing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Whether one provider can run here."""

    provider: str
    missing: str = ""
    """What it lacks and how to come by it; empty when it can run."""
    note: str = ""
    """What it would run with."""

    @property
    def usable(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A provider's name, and why it is this one."""

    provider: str
    reason: str


async def choose(name: str, scratch: Path) -> Chosen:
    """Return the provider of a name; ``auto`` is k3d where Docker and k3d answer, else embedded."""
    if name != AUTO:
        return Chosen(provider=name, reason="asked for")
    probe = await probe_k3d(scratch)
    if probe.usable:
        return Chosen(provider="k3d", reason=probe.note)
    return Chosen(provider="embedded", reason=f"k3d cannot run here: {probe.missing}")


async def probe_all(
    options: ProviderOptions, scratch: Path, environ: Mapping[str, str] = os.environ
) -> list[Probe]:
    """Probe every provider; ``scratch`` is a folder for a while."""
    return list(
        await asyncio.gather(
            probe_embedded(),
            probe_k3d(scratch),
            probe_kind(options),
            probe_existing(options, scratch, environ),
        )
    )


async def probe_embedded() -> Probe:
    """Embedded runs on Linux; its tools are fetched or built where they are not at hand."""
    if not sys.platform.startswith("linux"):
        return Probe(provider="embedded", missing=f"Linux: this is {sys.platform}; use k3d or kind")
    return Probe(provider="embedded", note="neither Docker nor root; its tools are fetched or built once")


async def probe_k3d(scratch: Path) -> Probe:
    """k3d needs its program and a Docker daemon."""

    async def look() -> str:
        version = await K3dCli.find(kubeconfig=scratch / "kubeconfig").version()
        async with Docker.connect() as docker:
            return f"k3d {version} and Docker {docker.version} answer"

    return await _probe("k3d", look)


async def probe_kind(options: ProviderOptions) -> Probe:
    """Need a Docker daemon; pytest-kind brings the program where there is none."""

    async def look() -> str:
        program = options.kind_binary or shutil.which("kind")
        found = str(program) if program else "the kind that pytest-kind downloads"
        async with Docker.connect() as docker:
            return f"Docker {docker.version} answers, with {found}"

    return await _probe("kind", look)


async def probe_existing(options: ProviderOptions, scratch: Path, environ: Mapping[str, str]) -> Probe:
    """Need a kubeconfig with the named context, and a registry."""

    async def look() -> str:
        kubectl = shutil.which("kubectl", path=environ.get("PATH"))
        if kubectl is None:
            raise ProviderUnavailableError("there is no kubectl on PATH to read the kubeconfig with")
        target = scratch / "kubeconfig"
        await copy_context(Path(kubectl), source=options.kubeconfig, context=options.context, target=target)
        if not options.registry:
            raise ProviderUnavailableError("name a registry with --harness-registry (--registry)")
        return f"context {options.context}, registry {options.registry}"

    return await _probe("existing", look)


async def _probe(provider: str, look: Callable[[], Awaitable[str]]) -> Probe:
    try:
        return Probe(provider=provider, note=await look())
    except (ClusterError, HarnessError) as error:
        return Probe(provider=provider, missing=str(error))
