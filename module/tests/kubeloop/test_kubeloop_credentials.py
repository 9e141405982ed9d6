"""By whatever a kubeconfig or a Pod has to prove who we are, the API server is reached and knows us."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from control_plane import TOKEN
from yarl import URL

from kubeloop.client import Client
from kubeloop.client.connection import Connection, proxy_of_environment
from kubeloop.client.credentials import (
    SERVICE_HOST,
    SERVICE_PORT,
    InClusterCredentials,
    KubeconfigCredentials,
)
from kubeloop.client.kubeconfig import as_text, kubeconfig_of
from kubeloop.errors import ConfigurationError, ForbiddenError, UnauthorizedError, UnreachableError
from kubeloop.kinds import CONFIG_MAP

PLUGIN_VERSION = "client.authentication.k8s.io/v1"
ELSEWHERE = "http://api.example.com"


def a_plugin(folder, script: str) -> dict[str, object]:
    """Return the user of a kubeconfig whose credentials a shell script prints."""
    plugin = folder / "plugin"
    plugin.write_text(f"#!/bin/sh -e\ncd {folder}\n{script}\n")
    plugin.chmod(0o755)
    return {"exec": {"command": str(plugin), "apiVersion": PLUGIN_VERSION}}


def printed(**status: str) -> str:
    """Return the line of a shell script that prints what a plugin gives."""
    credential = {"apiVersion": PLUGIN_VERSION, "kind": "ExecCredential", "status": status}
    return f"echo '{json.dumps(credential)}'"


def sent_to(server) -> list[str | None]:
    return [request.headers.get("Authorization") for request in server.requests]


async def ask(path, requests: int = 1) -> None:
    async with Client.from_kubeconfig(path) as client:
        for number in range(requests):
            await client.request("GET", f"/{number}")


@pytest.mark.parametrize(
    ("user", "authorization"),
    [
        ({"token": "secret"}, "Bearer secret"),
        ({"token": " secret\n"}, "Bearer secret"),
        ({"username": "me", "password": "secret"}, f"Basic {base64.b64encode(b'me:secret').decode()}"),
        ({"token": "secret", "username": "me", "password": "x"}, "Bearer secret"),
        ({}, None),
        ({"exec": None, "token": "secret"}, "Bearer secret"),
    ],
)
async def test_a_kubeconfig_says_who_we_are(server, tmp_path, user, authorization):
    await ask(server.write_kubeconfig(tmp_path / "kubeconfig", user))

    assert sent_to(server) == [authorization]


async def test_a_token_file_wins_over_a_token_and_is_read_again_when_it_is_replaced(server, tmp_path):
    token = tmp_path / "token"
    token.write_text("first\n")
    user = {"tokenFile": "token", "token": "of long ago"}
    path = server.write_kubeconfig(tmp_path / "kubeconfig", user)

    async with Client.from_kubeconfig(path) as client:
        await client.request("GET", "/one")
        renewed = tmp_path / "renewed"
        renewed.write_text("second\n")
        renewed.rename(token)
        await client.request("GET", "/two")

    assert sent_to(server) == ["Bearer first", "Bearer second"]


async def test_an_exec_plugin_gives_the_token(server, tmp_path):
    user = a_plugin(tmp_path, printed(token="from-plugin"))

    await ask(server.write_kubeconfig(tmp_path / "kubeconfig", user), requests=2)

    assert sent_to(server) == ["Bearer from-plugin"] * 2


async def test_an_exec_plugin_is_asked_again_when_what_it_gave_has_run_out(server, tmp_path):
    script = "echo >> runs\n" + printed(token="$RUNS", expirationTimestamp="2022-12-05T12:00:00Z").replace(
        "$RUNS", "'$(wc -l < runs)'"
    )

    await ask(server.write_kubeconfig(tmp_path / "kubeconfig", a_plugin(tmp_path, script)), requests=2)

    assert sent_to(server) == ["Bearer 2", "Bearer 3"]


@pytest.mark.parametrize("script", ["exit 1", "echo no JSON", printed(), printed(clientCertificateData="x")])
async def test_an_exec_plugin_that_gives_nothing_is_told_before_the_first_request(server, tmp_path, script):
    path = server.write_kubeconfig(tmp_path / "kubeconfig", a_plugin(tmp_path, script))

    with pytest.raises(ConfigurationError, match=f"{path} is unusable: its exec plugin gave no credentials"):
        await ask(path)


async def listed(cluster, user, tmp_path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(kubeconfig_of(cluster, user)))
    async with Client.from_kubeconfig(path) as client:
        return (await client.list(CONFIG_MAP, namespace="default")).resource_version


def pem_of(user: dict[str, object], field: str) -> str:
    return base64.b64decode(str(user[f"{field}-data"])).decode()


async def test_a_client_certificate_in_files_beside_the_kubeconfig_is_used(shared_plane, tmp_path):
    user = shared_plane.inline_certificate("system:masters")
    for field in ("client-certificate", "client-key"):
        (tmp_path / field).write_text(pem_of(user, field))

    assert await listed(
        shared_plane.cluster, {field: field for field in ("client-certificate", "client-key")}, tmp_path
    )


async def test_a_client_certificate_that_an_exec_plugin_gives_is_used(shared_plane, tmp_path):
    inline = shared_plane.inline_certificate("system:masters")
    script = printed(
        clientCertificateData=pem_of(inline, "client-certificate"), clientKeyData=pem_of(inline, "client-key")
    )
    # An echo would take the line ends of the certificate for its own.
    user = a_plugin(tmp_path, script.replace("echo", "printf %s", 1))

    assert await listed(shared_plane.cluster, user, tmp_path)


async def test_a_client_certificate_given_inline_is_used_and_leaves_no_file(
    shared_plane, tmp_path, monkeypatch
):
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    assert await listed(shared_plane.cluster, shared_plane.inline_certificate("system:masters"), tmp_path)

    assert list(scratch.iterdir()) == []


def authority_of(plane) -> str:
    with open(plane.cluster["certificate-authority"]) as file:  # noqa: PTH123 - a path as text
        return file.read()


async def test_the_authority_may_be_inline_or_a_file_beside_the_kubeconfig(shared_plane, tmp_path):
    text = authority_of(shared_plane)
    (tmp_path / "ca.crt").write_text(text)
    server = {"server": shared_plane.cluster["server"]}
    inline = {"certificate-authority-data": base64.b64encode(text.encode()).decode()}

    for cluster in (server | inline, server | {"certificate-authority": "ca.crt"}):
        assert await listed(cluster, {"token": TOKEN}, tmp_path)


async def test_a_server_that_nobody_vouches_for_is_not_talked_to_unless_that_is_allowed(
    shared_plane, tmp_path
):
    cluster = {"server": shared_plane.cluster["server"]}

    with pytest.raises(UnreachableError, match="certificate"):
        await listed(cluster, {"token": TOKEN}, tmp_path)
    assert await listed(cluster | {"insecure-skip-tls-verify": True}, {"token": TOKEN}, tmp_path)


async def test_the_name_in_the_certificate_may_be_another_than_in_the_url(shared_plane, tmp_path):
    # The certificate that the API server makes for itself names its address and these.
    named = shared_plane.cluster | {"tls-server-name": "kubernetes.default.svc"}
    misnamed = shared_plane.cluster | {"tls-server-name": "nobody.example.com"}

    assert await listed(named, {"token": TOKEN}, tmp_path)
    with pytest.raises(UnreachableError, match="nobody.example.com"):
        await listed(misnamed, {"token": TOKEN}, tmp_path)


async def test_to_know_the_server_is_to_prove_nothing_to_it(shared_plane, tmp_path):
    """Who stands in between asks as those whose requests it passes on."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        as_text(kubeconfig_of(shared_plane.cluster, shared_plane.inline_certificate("system:masters")))
    )
    credentials = KubeconfigCredentials(str(path))

    class Stranger:
        server = credentials.server

        async def transport(self):
            transport = await credentials.transport()
            return type(transport)(tls=credentials.trust())

        async def authorization(self):
            return None

    async with Client(Connection(Stranger(), user_agent="tests", timeout=60)) as client:
        with pytest.raises((ForbiddenError, UnauthorizedError)):
            await client.list(CONFIG_MAP)


def in_a_pod(plane, folder) -> dict[str, str]:
    """Write what the kubelet does, and return the environment that it gives."""
    (folder / "token").write_text(TOKEN)
    (folder / "ca.crt").write_text(authority_of(plane))
    address = urlsplit(str(plane.cluster["server"]))
    return {SERVICE_HOST: str(address.hostname), SERVICE_PORT: str(address.port)}


async def test_a_pod_is_known_by_its_service_account(shared_plane, tmp_path):
    credentials = InClusterCredentials(tmp_path, in_a_pod(shared_plane, tmp_path))

    async with Client(Connection(credentials, user_agent="tests", timeout=60)) as client:
        assert (await client.list(CONFIG_MAP, namespace="default")).resource_version


def test_a_pod_whose_service_has_an_address_of_version_6_is_told_its_url(shared_plane, tmp_path):
    environment = in_a_pod(shared_plane, tmp_path) | {SERVICE_HOST: "fd00::1"}

    assert InClusterCredentials(tmp_path, environment).server.startswith("https://[fd00::1]:")


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_a_pod_without_part_of_its_service_account_is_told(shared_plane, tmp_path, missing):
    environment = in_a_pod(shared_plane, tmp_path)
    (tmp_path / missing).write_text("")

    with pytest.raises(ConfigurationError, match="the Pod's service account is unusable"):
        InClusterCredentials(tmp_path, environment)


async def test_the_proxy_of_a_kubeconfig_is_asked(server, tmp_path):
    cluster = {"server": ELSEWHERE, "proxy-url": server.url}
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(kubeconfig_of(cluster, {"token": "secret"})))

    await ask(path)

    assert [str(request.url) for request in server.requests] == [f"{ELSEWHERE}/0"]


async def test_the_proxy_of_the_environment_is_asked_and_what_a_netrc_says_is_passed_over(
    server, tmp_path, monkeypatch
):
    (tmp_path / "netrc").write_text("machine api.example.com login me password of-another-service\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    without_proxies(monkeypatch)
    monkeypatch.setenv("http_proxy", server.url)
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(kubeconfig_of({"server": ELSEWHERE}, {"token": "secret"})))

    await ask(path)

    assert [str(request.url) for request in server.requests] == [f"{ELSEWHERE}/0"]
    assert sent_to(server) == ["Bearer secret"]


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(server, tmp_path, monkeypatch):
    without_proxies(monkeypatch)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    await ask(server.write_kubeconfig(tmp_path / "kubeconfig", {"token": "secret"}))

    assert len(server.requests) == 1


def without_proxies(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("server", "proxy"),
    [
        ("https://api.example.com:6443", "http://proxy:1"),
        ("https://10.96.0.1", "http://proxy:1"),
        ("http://api.example.com", "http://plain:1"),
        ("https://inside.example.org", None),
        ("https://localhost:6443", None),
        ("https://127.0.0.1:6443", None),
        ("https://127.8.8.8:6443", None),
        ("https://[::1]:6443", None),
    ],
)
def test_a_proxy_is_asked_for_strangers_only(monkeypatch, server, proxy):
    without_proxies(monkeypatch)
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    monkeypatch.setenv("http_proxy", "http://plain:1")
    monkeypatch.setenv("no_proxy", "example.org")

    assert proxy_of_environment(URL(server)) == proxy


LIGHT = """
import asyncio, sys
from kubeloop.client import Client
from kubeloop.client.connection import Connection
from kubeloop.client.credentials import InClusterCredentials, KubeconfigCredentials
from pathlib import Path

async def main(kind, path):
    if kind == "pod":
        credentials = InClusterCredentials(
            Path(path), {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"})
    else:
        credentials = KubeconfigCredentials(path)
    async with Client(Connection(credentials, user_agent="tests", timeout=60)):
        pass

asyncio.run(main(*sys.argv[1:]))
heavy = {"kubernetes", "requests", "oauthlib", "websocket", "urllib3", "dateutil"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def heavy_modules(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.mark.parametrize("user", ["token", "tokenFile", "certificate"])
def test_a_plain_kubeconfig_takes_nothing_of_the_official_package(shared_plane, tmp_path, user):
    """Each process of a cluster would pay for it, and each call of a command line."""
    (tmp_path / "token").write_text(TOKEN)
    users = {
        "token": {"token": TOKEN},
        "tokenFile": {"tokenFile": "token"},
        "certificate": shared_plane.inline_certificate("system:masters"),
    }
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(kubeconfig_of(shared_plane.cluster, users[user])))

    assert heavy_modules("kubeconfig", str(path)) == "[]"


def test_a_pod_takes_nothing_of_the_official_package(shared_plane, tmp_path):
    in_a_pod(shared_plane, tmp_path)

    assert heavy_modules("pod", str(tmp_path)) == "[]"


def test_an_exec_plugin_takes_the_official_package(shared_plane, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(kubeconfig_of(shared_plane.cluster, a_plugin(tmp_path, printed(token=TOKEN)))))

    assert "kubernetes" in heavy_modules("kubeconfig", str(path))
