"""What this machine keeps of a cluster that runs elsewhere, and how it reaches into it."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kubeloop.client import Client
from kyma_harness.clusters.errors import ClusterError
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.process import Child, handing_over, spawn

START_SECONDS = 30.0
_FORWARDING = re.compile(r"^Forwarding from (127\.0\.0\.1:\d+) -> \d+$")
_SAID_LINES = 10


@asynccontextmanager
async def port_forward(
    kubectl: Path, kubeconfig: Path, namespace: str, service: str, port: int
) -> AsyncIterator[str]:
    """Run ``kubectl port-forward`` while the block runs, and give the ``127.0.0.1:port`` it listens on.

    The local port is kubectl's to choose, so that nobody can take it in between.
    """
    reading, writing = os.pipe()
    argv: list[str | Path] = [
        kubectl,
        f"--kubeconfig={kubeconfig}",
        f"--namespace={namespace}",
        "port-forward",
        "--address=127.0.0.1",
        f"service/{service}",
        f":{port}",
    ]
    with handing_over(writing, kept=reading):
        child = await spawn(argv, name="kubectl port-forward", env=os.environ, stdout=writing)
    drain: asyncio.Task[None] | None = None
    try:
        lines, transport = await _read(reading)
        try:
            address = await _address(lines, child, f"Service {namespace}/{service}, port {port}")
            drain = asyncio.create_task(_drain(lines))
            yield address
        finally:
            if drain:
                drain.cancel()
            transport.close()
    finally:
        await child.terminate(grace=2)


async def _read(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader, transport


async def _address(lines: asyncio.StreamReader, child: Child, what: str) -> str:
    said: list[str] = []
    try:
        async with asyncio.timeout(START_SECONDS):
            while line := (await lines.readline()).decode(errors="replace").strip():
                if found := _FORWARDING.match(line):
                    return found[1]
                said.append(line)
            await child.wait()
    except TimeoutError:
        said.append(f"and did not listen within {START_SECONDS:g} s")
    raise ClusterError(f"{what} cannot be reached from here, kubectl says: {'; '.join(said[-_SAID_LINES:])}")


async def _drain(lines: asyncio.StreamReader) -> None:
    """Take what kubectl says for each connection, or it would wait for a reader."""
    while await lines.readline():
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHome:
    """A cluster's name, the folder of its files, and the kubectl to reach it with."""

    cluster: str
    folder: Path
    kubectl: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; nobody else writes it."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """What was collected of attempts that failed, whose containers are gone."""
        return self.folder / "logs"

    def copy_logs(self, folder: Path) -> None:
        """Copy what attempts that failed have left, a folder each."""
        if self.logs.is_dir():
            shutil.copytree(self.logs, folder, dirs_exist_ok=True)

    def client(self) -> Client:
        """Connect as the administrator."""
        return Client.from_kubeconfig(self.kubeconfig, user_agent="kyma-harness")

    def reach(self, namespace: str, service: str, port: int) -> AbstractAsyncContextManager[str]:
        """Forward a port of this host to a Service, through the API server."""
        return port_forward(self.kubectl, self.kubeconfig, namespace, service, port)

    def remove(self) -> None:
        """Remove what is ours of the folder, if there is any; ForeignFolderError where nothing is."""
        layout = Layout(self.folder)
        layout.check_ours()
        layout.remove()
