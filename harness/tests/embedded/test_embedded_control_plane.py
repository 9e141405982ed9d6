import base64
import ipaddress
import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from clusters import kubectl, listeners_of, process_of
from eventually import eventually

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.errors import ClusterRunningError


def names(answer: Any) -> list[str]:
    return sorted(item["metadata"]["name"] for item in answer["items"])


def etcd_url(cluster: EmbeddedCluster) -> str:
    command = Path(f"/proc/{process_of(cluster.state, 'kube-apiserver')}/cmdline").read_text().split("\0")
    (url,) = [argument for argument in command if argument.startswith("--etcd-servers=")]
    return url.removeprefix("--etcd-servers=") + "/health"


async def test_the_api_server_tells_the_pinned_version(embedded_cluster: EmbeddedCluster) -> None:
    version = await kubectl(embedded_cluster, "version")

    assert version["serverVersion"]["gitVersion"] == "v1.37.2"


def test_a_running_cluster_is_taken_up_by_its_folder(embedded_cluster: EmbeddedCluster) -> None:
    attached = EmbeddedCluster.attach(embedded_cluster.state)

    assert attached is not None
    assert attached.record == embedded_cluster.record


async def test_a_second_start_is_told_who_holds_the_name(embedded_cluster: EmbeddedCluster) -> None:
    again = {"name": "again", "state": embedded_cluster.state, "tools": embedded_cluster.tools}

    with pytest.raises(ClusterRunningError, match=rf"runs already: .*process {embedded_cluster.pid} \("):
        await EmbeddedCluster.start(**again, detached=False)

    assert EmbeddedCluster.attach(embedded_cluster.state) is not None


async def test_there_is_one_node_and_it_is_ready(embedded_cluster: EmbeddedCluster) -> None:
    (node,) = (await kubectl(embedded_cluster, "get", "nodes"))["items"]

    ready = next(one for one in node["status"]["conditions"] if one["type"] == "Ready")
    assert (node["metadata"]["name"], ready["status"]) == (embedded_cluster.record.node, "True")


async def test_a_pod_can_be_made_at_once_and_a_volume_provisioned(embedded_cluster: EmbeddedCluster) -> None:
    accounts = await kubectl(embedded_cluster, "get", "serviceaccounts", "--namespace=default")
    classes = await kubectl(embedded_cluster, "get", "storageclasses")

    assert names(accounts) == ["default"]
    assert len(classes["items"]) == 1


async def test_the_registry_speaks_the_oci_protocol(embedded_cluster: EmbeddedCluster) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{embedded_cluster.registry}/v2/_catalog") as response,
    ):
        answer = await response.json(content_type=None)

    assert response.status == 200
    assert isinstance(answer["repositories"], list)


async def test_a_client_without_a_certificate_is_refused(embedded_cluster: EmbeddedCluster) -> None:
    authority = ssl.create_default_context(cafile=str(embedded_cluster.state / "pki" / "kubernetes-ca.crt"))
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{embedded_cluster.record.api}/api", ssl=authority) as response,
    ):
        assert response.status == 401


def test_keys_and_tokens_are_for_their_owner_alone(embedded_cluster: EmbeddedCluster) -> None:
    # Pods' files vanish while we look, which a walk bears with.
    walk = [(Path(folder), files) for folder, _, files in os.walk(embedded_cluster.state)]
    everything = [
        path for folder, files in walk for name in files if not (path := folder / name).is_symlink()
    ]
    folders = [embedded_cluster.state, *embedded_cluster.state.iterdir()]

    secrets = [
        path for path in everything if path.suffix in {".key", ".kubeconfig"} or path.name == "kubeconfig"
    ]
    assert len(secrets) > 10
    assert [path for path in secrets if is_open_to_others(path)] == []
    assert [path for path in folders if path.is_dir() and path.stat().st_mode & 0o077] == []


def is_open_to_others(path: Path) -> bool:
    with suppress(FileNotFoundError):  # it went with its pod
        return bool(path.stat().st_mode & 0o077)
    return False


def test_the_kubeconfig_stands_alone(embedded_cluster: EmbeddedCluster) -> None:
    document = yaml.safe_load(embedded_cluster.kubeconfig.read_text())

    (user,) = document["users"]
    assert document["clusters"][0]["cluster"]["server"] == embedded_cluster.record.api
    assert base64.b64decode(user["user"]["client-key-data"]).startswith(b"-----BEGIN EC PRIVATE KEY-----")


async def test_every_listener_is_on_a_loopback_address(embedded_cluster: EmbeddedCluster) -> None:
    await eventually(lambda: len(listeners_of(embedded_cluster)) >= 7)

    listeners = listeners_of(embedded_cluster)

    assert [one for one, _ in listeners if not ipaddress.ip_address(one).is_loopback] == []


async def test_etcd_lets_nobody_in_but_the_api_server(embedded_cluster: EmbeddedCluster) -> None:
    pki = embedded_cluster.state / "pki"
    stranger = ssl.create_default_context(cafile=str(pki / "etcd-ca.crt"))
    stranger.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    api_server = ssl.create_default_context(cafile=str(pki / "etcd-ca.crt"))
    api_server.load_cert_chain(pki / "kube-apiserver-etcd.crt", pki / "kube-apiserver-etcd.key")

    async with aiohttp.ClientSession() as session:
        async with session.get(etcd_url(embedded_cluster), ssl=api_server) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await session.get(etcd_url(embedded_cluster), ssl=stranger)
