"""Choose a provider, and tell which ones could run here and what the others lack."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kyma_harness.clusters.docker import Docker
from kyma_harness.clusters.errors import ProviderUnavailableError
from kyma_harness.clusters.existing import copy_context
from kyma_harness.clusters.k3d import K3dCli
from kyma_harness.clusters.kind import check_installed
from kyma_harness.clusters.provider import AUTO, ProviderOptions
from kyma_harness.host.errors import HarnessError
from kyma_harness.node.containers.view import probe_mounting
from kyma_harness.toolchain.tools import AtHand


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Whether one provider can run here."""

    provider: str
    missing: Sequence[str] = ()
    """What it lacks and how to come by it, a sentence each; nothing when it can run."""
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
    return auto(await probe_k3d(scratch))


def auto(k3d: Probe) -> Chosen:
    """Return what ``auto`` means where k3d was probed so."""
    if k3d.usable:
        return Chosen(provider="k3d", reason=f"{k3d.note} answer")
    return Chosen(provider="embedded", reason=f"k3d cannot run here: {'; '.join(k3d.missing)}")


async def probe_all(options: ProviderOptions, scratch: Path, tools: AtHand) -> list[Probe]:
    """Probe every provider; ``scratch`` is a folder for a while."""
    return list(
        await asyncio.gather(
            probe_embedded(tools, scratch),
            probe_k3d(scratch),
            probe_kind(options),
            probe_existing(options, scratch, tools),
        )
    )


async def probe_embedded(tools: AtHand, scratch: Path) -> Probe:
    """Embedded runs on Linux; its tools are fetched or built where they are not at hand."""
    if not sys.platform.startswith("linux"):
        return Probe(
            provider="embedded", missing=[f"it needs Linux, this is {sys.platform}: use k3d or kind"]
        )
    note = "all its tools are here"
    if tools.missing:
        note = f"{', '.join(tools.missing)} are fetched or built at first, once, in some ten minutes"
    mounting = await probe_mounting(scratch / "mounting")
    if mounting.privilege is None:
        sight = f"mount paths are rewritten in commands, as no mount namespace can be made: {mounting.reason}"
    else:
        sight = "containers have a root of their own"
    return Probe(provider="embedded", note=f"neither Docker nor root; {sight}; {note}")


async def probe_k3d(scratch: Path) -> Probe:
    """k3d needs its program and a Docker daemon."""

    async def program() -> str:
        return f"k3d {await K3dCli.find(kubeconfig=scratch / 'kubeconfig').version()}"

    return await _probe("k3d", program, _docker)


async def probe_kind(options: ProviderOptions) -> Probe:
    """Need a Docker daemon; pytest-kind brings the program where there is none."""

    async def program() -> str:
        check_installed()
        found = options.kind_binary or shutil.which("kind")
        return str(found) if found else "a kind that pytest-kind downloads"

    return await _probe("kind", program, _docker)


async def probe_existing(options: ProviderOptions, scratch: Path, tools: AtHand) -> Probe:
    """Need a kubeconfig with the named context, and a registry."""

    async def context() -> str:
        kubectl = tools.found.get("kubectl") or shutil.which("kubectl")
        if kubectl is None:
            raise ProviderUnavailableError(
                "there is no kubectl to read the kubeconfig with: `kyma-harness tools` brings it"
            )
        target = scratch / "existing"
        await copy_context(Path(kubectl), source=options.kubeconfig, context=options.context, target=target)
        return f"context {options.context}"

    async def registry() -> str:
        if not options.registry:
            raise ProviderUnavailableError(
                "name a registry that you push to and the cluster pulls from, with "
                "--harness-registry=HOST:PORT (--registry)"
            )
        return f"registry {options.registry}"

    return await _probe("existing", context, registry)


async def _docker() -> str:
    async with Docker.connect() as docker:
        return f"Docker {docker.version}"


async def _probe(provider: str, *looks: Callable[[], Awaitable[str]]) -> Probe:
    notes, missing = [], []
    for look in looks:
        try:
            notes.append(await look())
        except HarnessError as error:
            missing.append(str(error))
    return Probe(provider=provider, note=" and ".join(notes), missing=missing)
