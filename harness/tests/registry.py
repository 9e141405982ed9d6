"""A real registry for a test, and one that refuses everybody."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from eventually import eventually

from kyma_harness.host.ports import PortPool
from kyma_harness.host.process import spawn
from kyma_harness.toolchain.toolchain import ToolPaths

SECRET = "made-for-tests"


@asynccontextmanager
async def running_registry(tools: ToolPaths, folder: Path, *, refusing: bool = False) -> AsyncIterator[str]:
    """Run the registry with its data in ``folder``; yields ``host:port``."""
    with PortPool() as ports:
        address = f"127.0.0.1:{ports.reserve()}"
        config = folder / "registry.yml"
        config.write_text(yaml.safe_dump(_configuration(folder, address, refusing=refusing)))
        child = await spawn(
            [tools.folder / "registry", "serve", config],
            name="registry",
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            stdout=folder / "registry.log",
        )
        try:
            await eventually(lambda: answers(address))
            yield address
        finally:
            await child.terminate(grace=5)


def answers(address: str) -> bool:
    """Tell whether somebody listens there."""
    host, _, port = address.partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def _configuration(folder: Path, address: str, *, refusing: bool) -> dict[str, object]:
    configuration: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address, "secret": SECRET},
    }
    if refusing:
        configuration["auth"] = {"silly": {"realm": "tests", "service": "registry"}}
    return configuration
