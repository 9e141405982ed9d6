"""The provider of existing clusters, on a real API server that somebody else started."""

import json

import pytest
import yaml

from kubeloop.client import Client
from kubeloop.errors import NotFoundError
from kubeloop.kinds import NAMESPACE
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.errors import (
    ClusterError,
    ForeignClusterError,
    MismatchError,
    NotCapableError,
    ProviderUnavailableError,
)
from kyma_harness.clusters.existing import MARKER, ExistingProvider, no_check
from kyma_harness.clusters.provider import ProviderOptions, RegistryAddress
from kyma_harness.wait.claims import is_gone
from kyma_harness.wait.waits import Target, wait_for


@pytest.fixture
def user_kubeconfig(cluster_with_dns, tmp_path):
    """A user's kubeconfig with two contexts, the cluster's being "theirs"."""
    content = yaml.safe_load(cluster_with_dns.kubeconfig.read_text())
    (context,) = content["contexts"]
    content["contexts"] = [{**context, "name": "theirs"}, {**context, "name": "production"}]
    content["current-context"] = "production"
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def make(user_kubeconfig, tools, tmp_path):
    """Make a provider; each name has its own state folder."""

    def make(name="mine", check_room=no_check, **options):
        chosen = {"context": "theirs", "allow_context": "theirs", "registry": "localhost:5001"} | options
        return ExistingProvider(
            home=ClusterHome(cluster=name, folder=tmp_path / name, kubectl=tools.folder / "kubectl"),
            options=ProviderOptions(kubeconfig=user_kubeconfig, **chosen),
            check_room=check_room,
            claim=lambda: f"claim of {name}",
        )

    return make


def ignore(_):
    pass


async def test_it_is_taken_up_again_after_it_was_created(make):
    provider = make()

    assert not await provider.attach()
    await provider.create(ignore)

    assert await make().attach()
    await provider.delete()
    assert not await make().attach()


async def test_its_kubeconfig_has_the_named_context_alone(make, user_kubeconfig):
    before = user_kubeconfig.read_text()
    provider = make()
    await provider.create(ignore)

    content = yaml.safe_load(provider.kubeconfig.read_text())

    assert [context["name"] for context in content["contexts"]] == ["theirs"]
    assert content["current-context"] == "theirs"
    assert provider.kubeconfig.stat().st_mode & 0o077 == 0
    assert user_kubeconfig.read_text() == before
    await provider.delete()


async def test_it_is_left_as_it_was_found(make, cluster_with_dns, tmp_path):
    provider = make()
    await provider.create(ignore)
    await provider.delete()

    async with Client.from_kubeconfig(cluster_with_dns.kubeconfig) as client:
        with pytest.raises(NotFoundError):
            await client.get(MARKER.kind, MARKER.name, MARKER.namespace)
    assert not (tmp_path / "mine").exists()


async def test_a_cluster_in_use_by_another_run_is_refused(make, tmp_path):
    first = make("first")
    await first.create(ignore)

    with pytest.raises(MismatchError, match=r"in use as .*'first'"):
        await make("second").create(ignore)

    assert not (tmp_path / "second").exists()
    assert await first.attach()
    await first.delete()


async def test_a_cluster_with_a_kyma_in_it_is_refused(make, cluster_with_dns):
    kyma = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kcp-system"}}
    target = Target(kind=NAMESPACE, name="kcp-system")
    async with Client.from_kubeconfig(cluster_with_dns.kubeconfig) as client:
        await client.create(kyma)
        try:
            with pytest.raises(ForeignClusterError, match="has a Kyma already"):
                await make().create(ignore)
        finally:
            await client.delete(NAMESPACE, "kcp-system")
            await wait_for(client, target, is_gone(), what="be gone")


async def test_a_cluster_without_room_is_refused_and_left_unmarked(make, cluster_with_dns, tmp_path):
    async def check_room(client):
        assert client.server.startswith("https://")
        raise ForeignClusterError("the cluster has what would be overwritten")

    with pytest.raises(ForeignClusterError, match="would be overwritten"):
        await make(check_room=check_room).create(ignore)

    assert not (tmp_path / "mine").exists()
    async with Client.from_kubeconfig(cluster_with_dns.kubeconfig) as client:
        with pytest.raises(NotFoundError):
            await client.get(MARKER.kind, MARKER.name, MARKER.namespace)


async def test_what_looks_like_somebody_elses_cluster_is_asked_for(make, tmp_path):
    with pytest.raises(ForeignClusterError, match="--harness-allow-context=theirs"):
        await make(allow_context=None).create(ignore)

    assert not (tmp_path / "mine").exists()


async def test_the_current_context_is_never_guessed(make):
    with pytest.raises(ProviderUnavailableError, match=r"--harness-context .* known are .*production"):
        await make(context=None).create(ignore)


async def test_a_context_that_is_not_there_is_told_with_those_that_are(make):
    with pytest.raises(ProviderUnavailableError, match=r"context nowhere is not in .* known are"):
        await make(context="nowhere", allow_context="nowhere").create(ignore)


async def test_a_registry_has_to_be_named(make):
    with pytest.raises(ProviderUnavailableError, match="--harness-registry=HOST:PORT"):
        await make(registry=None).create(ignore)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("here:5000", RegistryAddress(push="here:5000", pull="here:5000", nodes="here:5000")),
        ("here:5000=there:80", RegistryAddress(push="here:5000", pull="there:80", nodes="there:80")),
    ],
)
def test_a_registry_may_have_two_names(make, given, address):
    assert make(registry=given).registry == address


async def test_its_nodes_take_no_images_from_us(make, tmp_path):
    with pytest.raises(NotCapableError, match="push it to a registry"):
        await make().load_image(tmp_path / "nats.tar")


async def test_a_service_that_cannot_be_reached_is_told_in_kubectls_words(make):
    provider = make()
    await provider.create(ignore)

    with pytest.raises(
        ClusterError, match=r'Service default/nothing, port 80 .* services "nothing" not found'
    ):
        async with provider.reach("default", "nothing", 80):
            pass

    await provider.delete()


async def test_its_nodes_are_written_down_where_it_is_to_be_looked_into(make, tmp_path):
    provider = make()
    await provider.create(ignore)

    await provider.collect_logs(tmp_path / "logs")

    (node,) = json.loads((tmp_path / "logs" / "nodes.json").read_text())["items"]
    await provider.delete()
    assert node["metadata"]["name"]


async def test_a_cluster_with_a_default_storage_class_gets_no_remark_about_storage(make):
    reports = []
    provider = make()

    await provider.create(reports.append)

    assert "storage" not in [report.part for report in reports]
    await provider.delete()
