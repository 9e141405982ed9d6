"""Bundles go to a real registry and come back, and what goes wrong is said."""

import base64
import json
from pathlib import Path

import pytest
from lamp import write_lamp
from registry import running_registry

from kyma_harness.host.ports import PortPool
from kyma_harness.kyma.errors import (
    BlobNotFoundError,
    DigestMismatchError,
    RegistryDownError,
    RegistryError,
    RegistryRefusedError,
)
from kyma_harness.oci.bundle import Blob, pack
from kyma_harness.oci.registry import Credentials, Location, connect, docker_credentials, push
from kyma_harness.toolchain.toolchain import ToolPaths

NAME = "component-descriptors/example.com/module/lamp"


async def test_what_was_pushed_can_be_pulled_by_digest(tools: ToolPaths, tmp_path: Path):
    bundle = pack(write_lamp(tmp_path / "lamp"))
    async with running_registry(tools, tmp_path) as address:
        pushed = await push(bundle, f"{address}/unsigned", base_url="registry.localhost:5000/unsigned")

        async with connect(Location.parse(f"{address}/unsigned")) as registry:
            chart = await registry.pull_blob(NAME, bundle.chart.digest)
            config = await registry.pull_blob(NAME, bundle.config.digest)
            manifest = await registry.pull_manifest(NAME, "1.2.3")

    assert (chart, config) == (bundle.chart.content, bundle.config.content)
    assert manifest == pushed.manifest.content


async def test_pushing_again_changes_nothing(tools: ToolPaths, tmp_path: Path):
    bundle = pack(write_lamp(tmp_path / "lamp"))
    async with running_registry(tools, tmp_path) as address:
        first = await push(bundle, f"{address}/unsigned")
        second = await push(bundle, f"{address}/unsigned")

    assert first == second


async def test_a_blob_that_is_not_there_is_named_with_what_to_do(tools: ToolPaths, tmp_path: Path):
    digest = Blob(media_type="x", content=b"never pushed").digest
    async with (
        running_registry(tools, tmp_path) as address,
        connect(Location.parse(f"{address}/unsigned")) as registry,
    ):
        with pytest.raises(BlobNotFoundError) as refused:
            await registry.pull_blob(NAME, digest)

    assert digest in str(refused.value)
    assert "push the bundle to this registry" in str(refused.value)


async def test_damaged_bytes_are_not_taken_for_the_blob(tools: ToolPaths, tmp_path: Path):
    bundle = pack(write_lamp(tmp_path / "lamp"))
    async with running_registry(tools, tmp_path) as address:
        await push(bundle, f"{address}/unsigned")
        (stored,) = (tmp_path / "data").glob(f"**/{bundle.config.digest.removeprefix('sha256:')}/data")
        stored.write_bytes(bundle.config.content.replace(b"configs", b"CONFIGS"))

        async with connect(Location.parse(f"{address}/unsigned")) as registry:
            with pytest.raises(DigestMismatchError, match="push the bundle again"):
                await registry.pull_blob(NAME, bundle.config.digest)


async def test_a_registry_that_is_down_is_named():
    with PortPool() as ports:
        address = f"127.0.0.1:{ports.reserve()}"

        with pytest.raises(RegistryDownError, match=rf"registry {address} does not answer \(https: .*http: "):
            async with connect(Location.parse(address)):
                pytest.fail("nobody is there to connect to")


async def test_a_registry_that_stops_in_between_is_named(tools: ToolPaths, tmp_path: Path):
    async with running_registry(tools, tmp_path) as address:
        opened = connect(Location.parse(address))
        registry = await opened.__aenter__()

    with pytest.raises(RegistryDownError, match="is it still running"):
        await registry.pull_manifest(NAME, "1.2.3")
    await opened.__aexit__(None, None, None)


async def test_a_registry_that_wants_a_login_is_told_apart(tools: ToolPaths, tmp_path: Path):
    async with running_registry(tools, tmp_path, refusing=True) as address:
        with pytest.raises(RegistryRefusedError, match=f"run `docker login {address}`"):
            async with connect(Location.parse(address)):
                pytest.fail("it should not have let us in")


async def test_credentials_let_us_in(tools: ToolPaths, tmp_path: Path):
    bundle = pack(write_lamp(tmp_path / "lamp"))
    async with running_registry(tools, tmp_path, refusing=True) as address:
        known = Credentials(user="somebody", password="made-for-tests")
        async with connect(Location.parse(address), known) as registry:
            await registry.push_blob(NAME, bundle.config)

            assert await registry.pull_blob(NAME, bundle.config.digest) == bundle.config.content


def test_docker_s_configuration_is_read_for_its_host_only(tmp_path: Path):
    config = tmp_path / "config.json"
    auth = base64.b64encode(b"somebody:made-for-tests").decode()
    config.write_text(json.dumps({"auths": {"registry.example.com": {"auth": auth}}}))

    found = docker_credentials("registry.example.com", config)

    assert found == Credentials(user="somebody", password="made-for-tests")
    assert docker_credentials("localhost:5001", config) is None
    assert "made-for-tests" not in repr(found)


def test_a_broken_docker_configuration_is_named(tmp_path: Path):
    config = tmp_path / "config.json"
    config.write_text("{")

    with pytest.raises(RegistryError, match="is not a Docker configuration"):
        docker_credentials("localhost:5001", config)


@pytest.mark.parametrize(
    ("host", "schemes"),
    [
        ("localhost:5001", ("https", "http")),
        ("k3d-kyma-registry.localhost:5000", ("https", "http")),
        ("127.0.0.1:5001", ("https", "http")),
        ("[::1]:5001", ("https", "http")),
        ("10.0.0.1:5001", ("https", "http")),
        ("k3d-kyma-registry:5000", ("https",)),
        ("registry.example.com", ("https",)),
        ("8.8.8.8:5000", ("https",)),
    ],
)
def test_plain_http_is_tried_where_module_manager_would(host: str, schemes: tuple[str, ...]):
    assert Location.parse(f"{host}/unsigned").schemes == schemes


def test_a_scheme_in_an_address_is_refused_with_the_address_to_use():
    with pytest.raises(RegistryError, match=r"leave the scheme out.*: localhost:5001/unsigned"):
        Location.parse("http://localhost:5001/unsigned")
