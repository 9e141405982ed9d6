"""An API server and its etcd as child processes: all that a controller needs of a cluster."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trustme import CA

from kubeloop.client import Client
from kubeloop.client.kubeconfig import as_text, certificate_user, cluster_of, kubeconfig_of
from kubeloop.errors import ControllerError
from kyma_harness.host.process import Child, spawn

if TYPE_CHECKING:
    from pathlib import Path

    from kyma_harness.host.ports import PortPool

TOKEN = "made-for-tests"
START_LIMIT = 180.0


@dataclass(slots=True, kw_only=True)
class ControlPlane:
    """Start, kill and start again: the data stays for as long as the folder does."""

    folder: Path
    tools: Path
    etcd_port: int
    peer_port: int
    api_port: int
    authority: CA = field(default_factory=CA)
    children: list[Child] = field(default_factory=list)

    @classmethod
    def prepare(cls, folder: Path, tools: Path, ports: PortPool) -> ControlPlane:
        """Write what both processes read: keys, tokens, kubeconfig."""
        plane = cls(
            folder=folder,
            tools=tools,
            etcd_port=ports.reserve(),
            peer_port=ports.reserve(),
            api_port=ports.reserve(),
        )
        plane.write_files()
        return plane

    @property
    def cluster(self) -> dict[str, str]:
        """The cluster of a kubeconfig; the API server makes its certificate itself."""
        return cluster_of(
            f"https://127.0.0.1:{self.api_port}", self.folder / "certificates" / "apiserver.crt"
        )

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def write_files(self) -> None:
        self.authority.issue_cert(common_name="sa").private_key_pem.write_to_path(self.folder / "sa.key")
        (self.folder / "tokens.csv").write_text(f'{TOKEN},tester,tester,"system:masters"\n')
        (self.folder / "client-ca.crt").write_bytes(self.authority.cert_pem.bytes())
        self.kubeconfig.write_text(as_text(kubeconfig_of(self.cluster, {"token": TOKEN})))

    def inline_certificate(self, group: str) -> dict[str, str]:
        """Return the user of a kubeconfig: a member of a group, by a certificate in the file itself."""
        issued = self.authority.issue_cert("tester", common_name="tester", organization_name=group)
        return certificate_user(issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())

    async def start(self) -> None:
        """Start both and wait until the API server is ready."""
        await self._spawn("etcd", self._etcd())
        await self._spawn("kube-apiserver", self._api_server())
        async with asyncio.timeout(START_LIMIT):
            while not await self._is_ready():  # noqa: ASYNC110 - another process tells of nothing
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """End both as a power cut would."""
        for child in reversed(self.children):
            await child.terminate(grace=0)
        self.children.clear()

    async def _is_ready(self) -> bool:
        for child in self.children:
            assert child.returncode is None, f"{child.name} has ended: {child.log_tail()}"
        try:
            async with Client.from_kubeconfig(self.kubeconfig, timeout=5) as client:
                return await client.request("GET", "/readyz") == "ok"
        except ControllerError:
            return False

    async def _spawn(self, name: str, arguments: list[str]) -> None:
        log = self.folder / f"{name}.log"
        argv = [str(self.tools / name), *arguments]
        self.children.append(await spawn(argv, name=name, env=dict(os.environ), stdout=log))

    def _etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.peer_port))
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
            f"--client-ca-file={self.folder / 'client-ca.crt'}",
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
