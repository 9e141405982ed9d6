"""What is written into a kubeconfig is what is read from one."""

from __future__ import annotations

import pytest
import yaml
from trustme import CA

from kubeloop.client.credentials import KubeconfigCredentials
from kubeloop.client.kubeconfig import as_text, certificate_user, cluster_of, kubeconfig_of

SERVER = "https://127.0.0.1:6443"


def read(tmp_path, document):
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(document))
    return KubeconfigCredentials(str(path))


async def test_a_token_is_sent_to_the_server(tmp_path):
    credentials = read(tmp_path, kubeconfig_of({"server": SERVER}, {"token": "secret"}))

    assert credentials.server == SERVER
    assert await credentials.authorization() == "Bearer secret"


@pytest.mark.parametrize("is_file", [True, False])
async def test_an_authority_is_trusted_from_its_file_or_carried_along(tmp_path, is_file):
    pem = CA().cert_pem.bytes()
    file = tmp_path / "ca.crt"
    file.write_bytes(pem)

    credentials = read(
        tmp_path, kubeconfig_of(cluster_of(SERVER, file if is_file else pem), {"token": "secret"})
    )
    if not is_file:
        file.unlink()

    assert len(credentials.trust().get_ca_certs()) == 1


async def test_a_certificate_is_carried_along(tmp_path):
    authority = CA()
    issued = authority.issue_cert("tester", common_name="tester")
    user = certificate_user(issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())

    credentials = read(tmp_path, kubeconfig_of(cluster_of(SERVER, authority.cert_pem.bytes()), user))

    assert (await credentials.transport()).tls is not None
    assert await credentials.authorization() is None


def test_its_names_are_the_given_one():
    document = yaml.safe_load(as_text(kubeconfig_of({"server": SERVER}, {}, name="it", namespace="shop")))

    assert document["current-context"] == "it"
    assert document["contexts"] == [
        {"name": "it", "context": {"cluster": "it", "user": "it", "namespace": "shop"}}
    ]
