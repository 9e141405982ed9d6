"""Reach a Service of a cluster whose pods are containers, through its API server."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kyma_harness.clusters.errors import ClusterError
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
