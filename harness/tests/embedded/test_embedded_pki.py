"""What a cluster's certificates are good for, told by handshakes in memory."""

import ssl
from ipaddress import IPv4Network

import pytest

from kyma_harness.embedded.pki import make_pki


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state") / "pki"
    return make_pki(folder, node_name="process-node", services=IPv4Network("127.10.0.0/16"))


def groups_and_name(certificate):
    subject = [pair for rdn in certificate["subject"] for pair in rdn]
    groups = [value for key, value in subject if key == "organizationName"]
    (name,) = (value for key, value in subject if key == "commonName")
    return groups, name


def shake_hands(server, client, *, authority, host="localhost"):
    """Return what each side gets to know of the other; raises SSLError where one of them refuses."""
    sides = []
    for is_server, pair in ((True, server), (False, client)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 has it by default
        context.load_verify_locations(authority)
        context.load_cert_chain(pair.certificate, pair.key)
        sides.append((context, is_server))
    wires = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        context.wrap_bio(*order, server_side=is_server, server_hostname=None if is_server else host)
        for (context, is_server), order in zip(sides, (wires, wires[::-1]), strict=True)
    ]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    assert not waiting
    return tuple(end.getpeercert() for end in ends)


@pytest.mark.parametrize(
    ("who", "group", "name"),
    [
        ("admin", "system:masters", "kubernetes-admin"),
        ("node", "system:masters", "system:node:process-node"),
        ("controller_manager", "system:masters", "system:kube-controller-manager"),
        ("scheduler", "kyma-harness", "system:kube-scheduler"),
        ("api_server_to_kubelet", "kyma-harness", "kube-apiserver-kubelet-client"),
        ("kubelet", "kyma-harness", "system:node:process-node"),
    ],
)
def test_a_client_is_known_by_its_name_and_is_a_master_only_where_it_has_to_be(pki, who, group, name):
    client, _ = shake_hands(pki.api_server, getattr(pki, who), authority=pki.authority)

    assert groups_and_name(client) == ([group], name)


@pytest.mark.parametrize("host", ["kubernetes.default.svc", "127.10.0.1", "localhost", "127.0.0.1"])
def test_the_api_server_serves_under_each_of_its_names(pki, host):
    _, server = shake_hands(pki.api_server, pki.admin, authority=pki.authority, host=host)

    assert groups_and_name(server)[1] == "kube-apiserver"


def test_the_kubelet_serves_under_the_name_of_its_node(pki):
    shake_hands(pki.kubelet, pki.api_server_to_kubelet, authority=pki.authority, host="process-node")


def test_a_client_cannot_pass_for_a_server(pki):
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'localhost'"):
        shake_hands(pki.admin, pki.scheduler, authority=pki.authority)


def test_no_client_of_the_api_server_gets_into_etcd(pki):
    shake_hands(pki.etcd, pki.api_server_to_etcd, authority=pki.etcd_authority)

    with pytest.raises(ssl.SSLError):
        shake_hands(pki.etcd, pki.admin, authority=pki.etcd_authority)


def test_a_certificate_ends_within_a_year(pki):
    client, _ = shake_hands(pki.api_server, pki.admin, authority=pki.authority)

    days = (ssl.cert_time_to_seconds(client["notAfter"]) - pki.authority.stat().st_mtime) / 86400
    assert 364 < days < 366


def test_keys_are_for_their_owner_alone(pki):
    files = list(pki.authority.parent.iterdir())

    assert len([file for file in files if file.suffix == ".key"]) == 10
    assert [file for file in files if file.stat().st_mode & 0o077] == []
