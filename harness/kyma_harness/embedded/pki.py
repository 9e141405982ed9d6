"""Have the certificates of one cluster made: good for a year, private keys for this user alone."""

import datetime as dt
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from trustme import CA

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
_MASTERS = "system:masters"
_NOBODY = "kyma-harness"
"""An organization is a group to the API server. No role is bound to this one."""


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
        self._authority = CA(path_length=0, organization_name=_NOBODY, organization_unit_name=name)
        self.path = write_private(folder / f"{name}.crt", self._authority.cert_pem.bytes())

    def issue(self, file: str, name: str, *, group: str = _NOBODY, hosts: tuple[str, ...] = ()) -> KeyPair:
        """Issue a certificate for a client of this name, which may also serve under the names of `hosts`."""
        issued = self._authority.issue_cert(
            # Go refuses a certificate without any name of a host, as trustme marks their list as critical.
            *(hosts or (file,)),
            common_name=name,
            organization_name=group,
            organization_unit_name=file,
            not_after=dt.datetime.now(dt.UTC) + _VALID_FOR,
        )
        return KeyPair(
            certificate=write_private(self._folder / f"{file}.crt", issued.cert_chain_pems[0].bytes()),
            key=write_private(self._folder / f"{file}.key", issued.private_key_pem.bytes()),
        )


def make_pki(folder: Path, *, node_name: str, services: IPv4Network | None = None) -> ClusterPki:
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
            "kube-controller-manager", "system:kube-controller-manager", group=_MASTERS, hosts=_LOCALHOST
        ),
        scheduler=cluster.issue("kube-scheduler", "system:kube-scheduler", hosts=_LOCALHOST),
        node=cluster.issue("node", f"system:node:{node_name}", group=_MASTERS),
        kubelet=cluster.issue("kubelet", f"system:node:{node_name}", hosts=(node_name, *_LOCALHOST)),
        admin=cluster.issue("admin", "kubernetes-admin", group=_MASTERS),
        # Of a certificate that nobody needs: tokens are signed with the bare key.
        service_account_key=cluster.issue("service-account", "service-account").key,
    )
