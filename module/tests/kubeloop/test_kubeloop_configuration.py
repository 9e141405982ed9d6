"""A kubeconfig that does not lead to a cluster is refused with a sentence."""

from __future__ import annotations

import tempfile
from base64 import b64encode

import pytest
import yaml

from kubeloop.client import Client
from kubeloop.errors import ConfigurationError

GOOD = {
    "current-context": "one",
    "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "one", "user": {"token": "secret"}}],
    "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
}


def write(path, content) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kubeconfig"


def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(ConfigurationError, match=f"no kubeconfig at {path}"):
        Client.from_kubeconfig(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "just text",
        "a: [broken",
        {},
        GOOD | {"clusters": []},
        GOOD | {"users": None},
        GOOD | {"contexts": "none"},
        GOOD | {"clusters": [{"name": "one", "cluster": {}}]},
        GOOD | {"clusters": [{"name": "one"}]},
        GOOD | {"clusters": [5]},
        GOOD | {"current-context": None},
        GOOD | {"contexts": [{"name": "one", "context": {"cluster": "one"}}]},
        GOOD | {"users": [{"name": "one", "user": {"tokenFile": 5}}]},
        b"\xff\xfe",
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named(path, content):
    write(path, content)

    with pytest.raises(ConfigurationError, match=f"kubeconfig {path} is unusable"):
        Client.from_kubeconfig(path)


def test_a_context_that_is_not_there_is_named(path):
    write(path, GOOD)

    with pytest.raises(ConfigurationError, match="other"):
        Client.from_kubeconfig(path, context="other")


def test_the_context_decides_on_the_server(path):
    two = {"name": "two", "cluster": {"server": "https://127.0.0.1:2/"}}
    contexts = [*GOOD["contexts"], {"name": "two", "context": {"cluster": "two", "user": "one"}}]
    write(path, GOOD | {"clusters": [*GOOD["clusters"], two], "contexts": contexts})

    assert Client.from_kubeconfig(path).server == "https://127.0.0.1:1"
    assert Client.from_kubeconfig(path, context="two").server == "https://127.0.0.1:2"


@pytest.mark.parametrize(
    "user",
    [
        {"client-certificate-data": "not base64!", "client-key-data": "x"},
        {"client-certificate": "nowhere.crt", "client-key": "nowhere.key"},
        {"exec": {"command": "/nowhere/plugin", "apiVersion": "client.authentication.k8s.io/v1"}},
        {"exec": {}},
        {"auth-provider": {"name": "oidc"}},
    ],
)
async def test_credentials_that_are_not_to_be_had_are_told_before_the_first_request(path, user):
    write(path, GOOD | {"users": [{"name": "one", "user": user}]})

    with pytest.raises(ConfigurationError, match=str(path)):
        async with Client.from_kubeconfig(path):
            pass


@pytest.mark.parametrize("what", ["client-certificate", "certificate-authority"])
async def test_what_is_inline_and_no_certificate_is_told_and_leaves_no_file(
    path, tmp_path, monkeypatch, what
):
    """A process that is killed could not remove them at its end."""
    text = b64encode(b"no certificate").decode()
    user = {f"{what}-data": text, "client-key-data": text}
    cluster = {**GOOD["clusters"][0]["cluster"], f"{what}-data": text}
    write(
        path,
        GOOD | {"users": [{"name": "one", "user": user}], "clusters": [{"name": "one", "cluster": cluster}]},
    )
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    with pytest.raises(ConfigurationError, match=str(path)):
        async with Client.from_kubeconfig(path):
            pass

    assert list(scratch.iterdir()) == []


async def test_a_token_file_that_is_not_there_is_named(path, tmp_path):
    write(path, GOOD | {"users": [{"name": "one", "user": {"tokenFile": "nowhere"}}]})

    with pytest.raises(ConfigurationError, match=str(tmp_path / "nowhere")):
        async with Client.from_kubeconfig(path) as client:
            await client.request("GET", "/")


def test_the_environment_names_the_kubeconfig(path, monkeypatch):
    write(path, GOOD)
    monkeypatch.setenv("KUBECONFIG", str(path))

    assert Client.from_environment().server == "https://127.0.0.1:1"


def test_files_that_the_environment_joins_are_merged(path, tmp_path, monkeypatch):
    other = tmp_path / "other"
    write(path, GOOD | {"clusters": []})
    write(other, {"clusters": GOOD["clusters"]})
    monkeypatch.setenv("KUBECONFIG", f"{path}:{other}:{tmp_path / 'absent'}")

    assert Client.from_environment().server == "https://127.0.0.1:1"


def test_of_files_that_are_merged_the_first_that_says_something_counts(path, tmp_path, monkeypatch):
    """As with kubectl: what one puts in front is what one means."""
    other = tmp_path / "other"
    cluster = {"name": "one", "cluster": {"server": "https://127.0.0.1:2"}}
    context = {"name": "two", "context": {"cluster": "one", "user": "one"}}
    write(path, {**GOOD, "current-context": ""})
    write(other, {"current-context": "two", "clusters": [cluster], "contexts": [context]})
    monkeypatch.setenv("KUBECONFIG", f"{path}:{other}")

    assert Client.from_environment().server == "https://127.0.0.1:1"
    assert Client.from_environment(context="one").server == "https://127.0.0.1:1"


def test_without_anything_the_place_where_it_was_looked_for_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(ConfigurationError, match=str(tmp_path / ".kube" / "config")):
        Client.from_environment()


def test_inside_a_pod_a_missing_service_account_is_told(monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")

    with pytest.raises(ConfigurationError, match="the Pod's service account is unusable"):
        Client.from_environment()


async def test_a_client_that_is_not_open_says_how_to_open_it(path):
    write(path, GOOD)

    with pytest.raises(RuntimeError, match="async context manager"):
        await Client.from_kubeconfig(path).request("GET", "/")
