"""Make the certificates of one cluster: short-lived, ECDSA, private keys for this user alone."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kyma_harness.host.paths import private_folder, write_private

_LOCALHOST = ("localhost", "127.0.0.1")
_API_SERVER_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    *_LOCALHOST,
)
_VALID_FOR = dt.timedelta(days=365)
_CLOCK_SKEW = dt.timedelta(hours=1)
_MASTERS = "system:masters"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPki:
    """Every certificate of a cluster; etcd has an authority of its own, so that no API client gets at it."""

    authority: Path
    etcd_authority: Path
    etcd: KeyPair
    api_server: KeyPair
    api_server_to_etcd: KeyPair
    api_server_to_kubelet: KeyPair
    controller_manager: KeyPair
    scheduler: KeyPair
    node: KeyPair
    kubelet: KeyPair
    admin: KeyPair
    service_account_key: Path


class _Authority:
    """Sign certificates into one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _subject(name, ())
        certificate = (
            _builder(self._subject, self._subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = write_private(folder / f"{name}.crt", _pem(certificate))

    def issue(
        self, file: str, name: str, *, groups: Sequence[str] = (), hosts: Sequence[str] = ()
    ) -> KeyPair:
        """Issue a client certificate, which with `hosts` is also good for serving under these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
        builder = (
            _builder(_subject(name, groups), self._subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False
            )
        return KeyPair(
            certificate=write_private(
                self._folder / f"{file}.crt", _pem(builder.sign(self._key, hashes.SHA256()))
            ),
            key=write_private(self._folder / f"{file}.key", _key_pem(key)),
        )


def make_pki(folder: Path, *, node_name: str, services: ipaddress.IPv4Network | None = None) -> ClusterPki:
    """Make all certificates of a new cluster in a folder; `services` are the addresses of its Services.

    The node is in system:masters: besides a kubelet's work it provisions volumes, annotates Services. So is
    the controller manager, which spares it a ServiceAccount per controller at every start.
    """
    private_folder(folder)
    own = [str(services.network_address + 1)] if services else []  # of the Service `kubernetes`
    cluster, etcd = _Authority(folder, "kubernetes-ca"), _Authority(folder, "etcd-ca")
    return ClusterPki(
        authority=cluster.path,
        etcd_authority=etcd.path,
        etcd=etcd.issue("etcd", "etcd", hosts=_LOCALHOST),
        api_server=cluster.issue("kube-apiserver", "kube-apiserver", hosts=(*_API_SERVER_NAMES, *own)),
        api_server_to_etcd=etcd.issue("kube-apiserver-etcd", "kube-apiserver"),
        api_server_to_kubelet=cluster.issue("kube-apiserver-kubelet", "kube-apiserver-kubelet-client"),
        controller_manager=cluster.issue(
            "kube-controller-manager",
            "system:kube-controller-manager",
            groups=[_MASTERS],
            hosts=_LOCALHOST,
        ),
        scheduler=cluster.issue("kube-scheduler", "system:kube-scheduler", hosts=_LOCALHOST),
        node=cluster.issue("node", f"system:node:{node_name}", groups=["system:nodes", _MASTERS]),
        kubelet=cluster.issue("kubelet", f"system:node:{node_name}", hosts=(node_name, *_LOCALHOST)),
        admin=cluster.issue("admin", "kubernetes-admin", groups=[_MASTERS]),
        service_account_key=write_private(
            folder / "service-account.key", _key_pem(ec.generate_private_key(ec.SECP256R1()))
        ),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID_FOR)
    )


def _subject(name: str, groups: Sequence[str]) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
