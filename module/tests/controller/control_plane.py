"""An API server and its etcd as child processes: all that a controller needs of a cluster."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from controller.client import Client
from controller.errors import ControllerError

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "made-for-tests"
START_LIMIT = 60.0


def find_tool(name: str) -> str | None:
    """Return where a tool is: in $HARNESS_TOOLS, or on the PATH."""
    folder = os.environ.get("HARNESS_TOOLS")
    return shutil.which(name, path=folder) if folder else shutil.which(name)


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(slots=True, kw_only=True)
class ControlPlane:
    """Start, kill and start again; the data stays for as long as the folder does."""

    folder: Path
    etcd_port: int = field(default_factory=free_port)
    etcd_peer_port: int = field(default_factory=free_port)
    api_port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def prepare(self) -> None:
        """Write what both processes read: keys, tokens, kubeconfig."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (self.folder / "sa.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (self.folder / "tokens.csv").write_text(f'{TOKEN},tester,tester,"system:masters"\n')
        cluster = {
            "server": f"https://127.0.0.1:{self.api_port}",
            "certificate-authority": "certificates/apiserver.crt",
        }
        self.kubeconfig.write_text(kubeconfig_of(cluster, {"token": TOKEN}))

    async def start(self) -> None:
        """Start both and wait until the API server is ready."""
        self._spawn("etcd", self._etcd())
        self._spawn("kube-apiserver", self._api_server())
        async with asyncio.timeout(START_LIMIT):
            while not await self._is_ready():  # noqa: ASYNC110 - another process tells of nothing
                await asyncio.sleep(0.1)

    def kill(self) -> None:
        """End both as a power cut would."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
        self.processes.clear()

    async def _is_ready(self) -> bool:
        for process in self.processes:
            if process.poll() is not None:
                raise AssertionError(f"{process.args!r} ended with {process.returncode}: see {self.folder}")
        try:
            async with Client.from_kubeconfig(self.kubeconfig, timeout=5) as client:
                return await client.request("GET", "/readyz") == "ok"
        except ControllerError:
            return False

    def _spawn(self, name: str, arguments: list[str]) -> None:
        tool = find_tool(name)
        assert tool is not None, f"{name} is neither in $HARNESS_TOOLS nor on the PATH"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen([tool, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.etcd_peer_port))
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]

    def _api_server(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--secure-port={self.api_port}",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            f"--service-account-key-file={self.folder / 'sa.key'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--enable-priority-and-fairness=false",
            "--authorization-mode=RBAC",
            # Nothing here makes the ServiceAccount which this would wait for.
            "--disable-admission-plugins=ServiceAccount",
        ]


def kubeconfig_of(cluster: dict[str, object], user: dict[str, object]) -> str:
    """Return a kubeconfig with one context."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": user}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        }
    )
