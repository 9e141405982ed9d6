"""A cluster with one pair of managers, and a gate before its registry that can be shut."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from hack.parity.sample_module import NAMESPACE
from kubeloop.client import Client
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.ports import PortPool
from kyma_harness.kyma import deploy
from kyma_harness.kyma.pair import LifecycleManagers
from kyma_harness.node.addresses import Address
from kyma_harness.node.network.forwarder import Forwarder
from kyma_harness.toolchain.toolchain import ToolPaths

RESYNC = "--requeue-success-interval=2s"
"""Instead of 20 s: what a manager does at its next look, it does within the seconds a case takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """What every case of a pair shares."""

    client: Client
    registry: str
    """``127.0.0.1:PORT`` of the registry itself, to push to."""
    gate: Forwarder
    """The way that module-manager takes to the registry."""
    blobs: Path
    """Where the registry keeps its blobs."""

    @property
    def pulled_from(self) -> str:
        """``127.0.0.1:PORT`` of the gate."""
        return f"127.0.0.1:{self.gate.port}"

    async def open_gate(self) -> None:
        """Let module-manager reach the registry."""
        host, _, port = self.registry.rpartition(":")
        await self.gate.set_targets([Address(host, int(port))])

    def blob(self, digest: str) -> Path:
        """Return the file of a blob in the registry."""
        number = digest.removeprefix("sha256:")
        return self.blobs / number[:2] / number / "data"


@asynccontextmanager
async def running_rig(
    managers: LifecycleManagers, tools: ToolPaths, folder: Path, say: Callable[[str], None]
) -> AsyncIterator[Rig]:
    """Run a cluster with a pair in it while the block runs."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    cluster = await EmbeddedCluster.start(
        name=f"parity-{managers.pair}",
        state=folder / "state",
        tools=tools,
        rules=_impatient(managers.rules, folder),
        placeholders=managers.placeholders,
        detached=False,
    )
    try:
        with PortPool() as ports:
            gate = Forwarder(ports.reserve())
            async with Client.from_kubeconfig(cluster.kubeconfig, user_agent="kyma-harness") as client:
                await _deploy(client, managers)
                say(f"the {managers.pair} pair runs ({managers.reason})")
                data = Layout.at(cluster.state).registry / "data"
                blobs = data / "docker" / "registry" / "v2" / "blobs" / "sha256"
                yield Rig(client=client, registry=cluster.registry, gate=gate, blobs=blobs)
            await gate.close()
    finally:
        await cluster.stop()


async def _deploy(client: Client, managers: LifecycleManagers) -> None:
    await deploy.deploy_managers(client, managers)
    await deploy.grant_rights(client)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    await client.apply(namespace, field_manager="parity")


def _impatient(rules: Sequence[Path], folder: Path) -> list[Path]:
    """Copy the process rules with a shorter resync for both managers."""
    written = []
    for path in rules:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        for rule in data["rules"]:
            if "-manager:" in rule["image"]:
                rule["args"] = [*rule.get("args", []), RESYNC]
        target = folder / path.name
        target.write_text(yaml.safe_dump(data), encoding="utf-8")
        written.append(target)
    return written
