"""An API server and its etcd as child processes: all that a controller needs of a cluster."""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kyma_harness.host.process import Child, spawn

if TYPE_CHECKING:
    from pathlib import Path

    from kyma_harness.host.ports import PortPool

TOKEN = "made-for-tests"
START_LIMIT = 180.0


class Authority:
    """Sign client certificates."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject("authority of the tests", "tests")
        self.certificate = _pem(
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, name: str, group: str) -> tuple[bytes, bytes]:
        """Return certificate and key of a member of a group."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            _builder(_subject(name, group), self._name, key.public_key())
            .add_extension(usage, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _pem(certificate), _key_pem(key)


@dataclass(slots=True, kw_only=True)
class ControlPlane:
    """Start, kill and start again: the data stays for as long as the folder does."""

    folder: Path
    tools: Path
    etcd_port: int
    peer_port: int
    api_port: int
    authority: Authority = field(default_factory=Authority)
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
    def cluster(self) -> dict[str, object]:
        """The cluster of a kubeconfig; the API server makes its certificate itself."""
        return {
            "server": f"https://127.0.0.1:{self.api_port}",
            "certificate-authority": str(self.folder / "certificates" / "apiserver.crt"),
        }

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def write_files(self) -> None:
        (self.folder / "sa.key").write_bytes(_key_pem(ec.generate_private_key(ec.SECP256R1())))
        (self.folder / "tokens.csv").write_text(f'{TOKEN},tester,tester,"system:masters"\n')
        (self.folder / "client-ca.crt").write_bytes(self.authority.certificate)
        self.kubeconfig.write_text(kubeconfig_of(self.cluster, {"token": TOKEN}))

    def inline_certificate(self, group: str) -> dict[str, object]:
        """Return the user of a kubeconfig: a member of a group, by a certificate in the file itself."""
        certificate, key = self.authority.issue("tester", group)
        return {
            "client-certificate-data": base64.b64encode(certificate).decode(),
            "client-key-data": base64.b64encode(key).decode(),
        }

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


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )


def _subject(name: str, group: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
