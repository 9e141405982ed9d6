"""The k3d provider against recorded answers of k3d and Docker, and a real API server to settle on."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from docker_daemon import a_container
from image_archives import saved
from k3d_recorder import NOT_IMPORTED, PULL_FAILED, containers_of

from kubeloop.client import Client
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.errors import (
    ArchiveError,
    BuildError,
    CreationError,
    ForeignClusterError,
    NotRunningError,
    ProviderUnavailableError,
)
from kyma_harness.clusters.k3d import COREFILE, CUSTOM, K3dCli, K3dProvider
from kyma_harness.clusters.provider import ProviderOptions, RegistryAddress
from kyma_harness.host.errors import CommandError
from kyma_harness.host.ports import PortPool

PATIENCE = 20.0
"""Seconds for what is there already but has to be asked for."""
K3S = "docker.io/rancher/k3s:v1.35.5-k3s1"
"""The image of nodes of the recorded k3d."""
pytestmark = pytest.mark.usefixtures("daemon")


@pytest.fixture
def provider(k3d, tmp_path, tools):
    """A provider for the cluster "test", on the recorded k3d and Docker."""
    state = tmp_path / "state"
    return K3dProvider(
        home=ClusterHome(cluster="test", folder=state, kubectl=tools.folder / "kubectl"),
        cli=K3dCli(k3d.program, kubeconfig=state / "k3d-kubeconfig"),
        options=ProviderOptions(),
        patience=PATIENCE,
    )


def ignore(_):
    pass


def downloading(layer, current, *, of):
    return {"status": "Downloading", "id": layer, "progressDetail": {"current": current, "total": of}}


async def test_a_created_cluster_has_settled_and_knows_its_registry(provider, k3d, cluster_with_dns):
    reports = []
    kubeconfig = {"out": cluster_with_dns.kubeconfig.read_text()}
    k3d.reply({"cluster create": [{"containers": containers_of("test")}], "kubeconfig get": [kubeconfig]})

    await provider.create(reports.append)

    assert provider.registry == RegistryAddress(
        push="localhost:5001", pull="k3d-test-registry.localhost:5000", nodes="k3d-test-registry:5001"
    )
    assert [report.name for report in reports if report.state == "ready"] == [
        "api server",
        "nodes",
        "service account",
        "dns",
        "patch-coredns",
    ]
    async with Client.from_kubeconfig(provider.kubeconfig) as client:
        custom = await client.get(CUSTOM.kind, CUSTOM.name, CUSTOM.namespace)
    assert custom["data"]["k3d-test-registry.localhost.override"] == (
        "rewrite name exact k3d-test-registry.localhost k3d-test-registry\n"
    )


async def test_the_users_kubeconfig_is_named_in_no_call(provider, k3d, cluster_with_dns, tmp_path):
    kubeconfig = {"out": cluster_with_dns.kubeconfig.read_text()}
    k3d.reply({"cluster create": [{"containers": containers_of("test")}], "kubeconfig get": [kubeconfig]})

    await provider.create(ignore)
    await provider.delete()

    assert {call["kubeconfig"] for call in k3d.calls} == {str(tmp_path / "state" / "k3d-kubeconfig")}


async def test_a_failed_creation_is_tried_once_more_and_keeps_its_logs(provider, k3d, daemon, tmp_path):
    failed = {"code": 1, "err": PULL_FAILED, "containers": containers_of("test")}
    gone = {"containers": {}}
    k3d.reply({"cluster create": [failed], "cluster delete": [gone]})

    with pytest.raises(CreationError, match=r"(?s)tried 2 times.*failed to pull image") as error:
        await provider.create(ignore)

    logs = tmp_path / "state" / "logs"
    assert k3d.commands.count("cluster create") == 2
    assert "what k3d-test-server-0 wrote" in (logs / "attempt-1" / "k3d-test-server-0.log").read_text()
    assert "rollback deactivated" in (logs / "attempt-2" / "k3d.log").read_text()
    assert str(logs / "attempt-2") in str(error.value)
    assert k3d.commands[-1] == "cluster delete"
    assert daemon.containers == {}


async def test_the_logs_of_failed_attempts_are_collected_though_their_containers_are_gone(
    provider, k3d, tmp_path
):
    failed = {"code": 1, "err": PULL_FAILED, "containers": containers_of("test")}
    k3d.reply({"cluster create": [failed], "cluster delete": [{"containers": {}}]})
    with pytest.raises(CreationError):
        await provider.create(ignore)

    await provider.collect_logs(tmp_path / "evidence")

    for attempt in ("attempt-1", "attempt-2"):
        assert "rollback deactivated" in (tmp_path / "evidence" / attempt / "k3d.log").read_text()
        assert (tmp_path / "evidence" / attempt / "k3d-test-server-0.log").exists()


async def test_a_registry_that_k3d_leaves_behind_is_deleted_by_name(provider, k3d, daemon):
    registry = {"k3d-test-registry": containers_of("test")["k3d-test-registry"]}
    failed = {"code": 1, "err": PULL_FAILED, "containers": registry}
    k3d.reply({"cluster create": [failed], "registry delete": [{"containers": {}}]})

    with pytest.raises(CreationError):
        await provider.create(ignore)

    deletions = [call["arguments"] for call in k3d.calls if call["arguments"][0] == "registry"]
    assert deletions[0] == ["registry", "delete", "k3d-test-registry"]
    assert daemon.containers == {}


async def test_a_second_attempt_that_goes_well_is_enough(provider, k3d, cluster_with_dns):
    failed = {"code": 1, "err": PULL_FAILED}
    kubeconfig = {"out": cluster_with_dns.kubeconfig.read_text()}
    made = {"containers": containers_of("test")}
    k3d.reply({"cluster create": [failed, made], "kubeconfig get": [kubeconfig]})

    await provider.create(ignore)

    assert await provider.attach()


async def test_a_cluster_of_somebody_else_is_not_touched(provider, k3d, daemon):
    daemon.put(containers_of("test", ours=False))

    with pytest.raises(ForeignClusterError, match="that the harness did not make"):
        await provider.create(ignore)
    with pytest.raises(ForeignClusterError, match="k3d cluster delete test"):
        await provider.delete()

    assert k3d.commands == ["version"]


async def test_a_cluster_of_somebody_else_in_the_place_of_ours_is_not_touched(
    provider, k3d, daemon, cluster_with_dns
):
    kubeconfig = {"out": cluster_with_dns.kubeconfig.read_text()}
    k3d.reply({"cluster create": [{"containers": containers_of("test")}], "kubeconfig get": [kubeconfig]})
    await provider.create(ignore)
    daemon.put(containers_of("test", ours=False))

    with pytest.raises(ForeignClusterError, match="that the harness did not make"):
        await provider.delete()

    assert "cluster delete" not in k3d.commands[k3d.commands.index("cluster create") :]


async def test_a_cluster_that_does_not_settle_is_taken_away_and_its_logs_are_kept(
    provider, k3d, daemon, embedded_cluster, tmp_path
):
    without_dns = {"out": embedded_cluster.kubeconfig.read_text()}
    made, gone = {"containers": containers_of("test")}, {"containers": {}}
    k3d.reply(
        {"cluster create": [made], "kubeconfig get": [without_dns], "cluster delete": [gone]},
    )

    with pytest.raises(CreationError, match=r"(?s)dns: .*coredns.*it does not exist.*logs/settling"):
        await provider.create(ignore)

    log = tmp_path / "state" / "logs" / "settling" / "k3d-test-server-0.log"
    assert "what k3d-test-server-0 wrote" in log.read_text()
    assert daemon.containers == {}


async def test_no_command_ever_names_all_clusters(provider, k3d, daemon):
    daemon.put(containers_of("test") | containers_of("other"))
    k3d.reply({"cluster delete": [{"containers": containers_of("other")}]})

    await provider.delete()

    assert [call["arguments"] for call in k3d.calls] == [["cluster", "delete", "test"]]
    assert set(daemon.containers) == set(containers_of("other"))


async def test_a_stopped_cluster_of_ours_is_started_again(provider, k3d, daemon, cluster_with_dns):
    stopped = {name: one | {"status": "exited"} for name, one in containers_of("test").items()}
    daemon.put(stopped)
    kubeconfig = {"out": cluster_with_dns.kubeconfig.read_text()}
    k3d.reply({"cluster start": [{"containers": containers_of("test")}], "kubeconfig get": [kubeconfig]})

    assert not await provider.attach()
    await provider.create(ignore)

    assert "cluster create" not in k3d.commands
    assert await provider.attach()


async def test_a_cluster_whose_registry_is_gone_says_so(provider, daemon):
    daemon.put({"k3d-test-server-0": containers_of("test")["k3d-test-server-0"]})

    with pytest.raises(NotRunningError, match="the registry of cluster test does not run"):
        await provider.attach()


async def test_the_default_cluster_needs_its_registrys_port(k3d, tmp_path, tools):
    provider = K3dProvider(
        home=ClusterHome(cluster="kyma", folder=tmp_path / "state", kubectl=tools.folder / "kubectl"),
        cli=K3dCli(k3d.program, kubeconfig=tmp_path / "kubeconfig"),
        options=ProviderOptions(),
    )

    with PortPool() as others:
        others.reserve(5001)
        with pytest.raises(CreationError, match=r"port 5001 .* name another cluster"):
            await provider.create(ignore)

    assert "cluster create" not in k3d.commands


@pytest.mark.parametrize("said", ["k3d version v4.4.8\n", "k3d version v5.5.1\n", "something else\n"])
async def test_a_k3d_that_is_too_old_or_none_is_refused(provider, k3d, said):
    k3d.reply({"version": [{"out": said}]})

    with pytest.raises(ProviderUnavailableError, match=r"too old|is it k3d"):
        await provider.create(ignore)


async def test_an_image_is_imported_into_this_cluster_alone(provider, k3d, tmp_path):
    archive = saved(tmp_path, "nats:2.15.1-alpine")

    names = await provider.load_image(archive)

    (call,) = k3d.calls
    assert call["arguments"] == ["image", "import", str(archive), "--cluster", "test"]
    assert names == ["nats:2.15.1-alpine"]


async def test_an_import_that_a_node_refused_is_no_success_though_k3d_says_so(provider, k3d, tmp_path):
    k3d.reply({"image import": [{"err": NOT_IMPORTED}]})

    with pytest.raises(CommandError, match=r"(?s)did not import .*nats\.tar.*k3d-test-server-0.*exit code"):
        await provider.load_image(saved(tmp_path, "nats:2.15.1-alpine"))


async def test_what_is_no_archive_of_images_does_not_get_as_far_as_k3d(provider, k3d):
    with pytest.raises(ArchiveError, match=r"/etc/hosts is no archive of images"):
        await provider.load_image(Path("/etc/hosts"))

    assert k3d.calls == []


async def test_images_that_the_daemon_lacks_are_pulled_before_and_told_how_far(
    provider, k3d, daemon, cluster_with_dns
):
    daemon.lacking = {
        "docker.io/rancher/k3s:v1.35.5-k3s1": [
            {"status": "Pulling from rancher/k3s", "id": "v1.35.5-k3s1"},
            {
                "status": "Downloading",
                "id": "a",
                "progressDetail": {"current": 1_000_000, "total": 4_000_000},
            },
            {
                "status": "Downloading",
                "id": "b",
                "progressDetail": {"current": 30_000_000, "total": 90_000_000},
            },
            {"status": "Download complete", "id": "a", "progressDetail": {}},
        ]
    }
    kubeconfig = {"out": cluster_with_dns.kubeconfig.read_text()}
    k3d.reply({"cluster create": [{"containers": containers_of("test")}], "kubeconfig get": [kubeconfig]})
    reports = []

    await provider.create(reports.append)

    pulls = [one for one in reports if one.name == f"pull {K3S}"]
    assert [(one.state, one.note) for one in pulls] == [
        ("started", ""),
        ("running", "1.0 of 4.0 MB"),
        ("running", "31 of 94 MB"),
        ("running", "34 of 94 MB"),
        ("ready", ""),
    ]
    assert daemon.pulled == [K3S]


async def test_an_image_that_cannot_be_pulled_is_named_with_what_to_do(provider, k3d, daemon):
    daemon.lacking = {"ghcr.io/k3d-io/k3d-proxy:5.9.0": [{"error": "dial tcp: lookup ghcr.io: no such host"}]}

    with pytest.raises(BuildError, match=r"k3d-proxy:5\.9\.0 cannot be pulled: .*no such host: load it with"):
        await provider.create(ignore)

    assert "cluster create" not in k3d.commands


async def test_who_gives_a_pull_up_does_not_wait_for_it_and_the_daemon_is_let_go(provider, daemon):
    daemon.endless = True
    daemon.lacking = {K3S: [downloading("a", 1, of=4)]}
    creating = asyncio.create_task(provider.create(ignore))
    await daemon.pulling.wait()

    creating.cancel()

    with pytest.raises(asyncio.CancelledError):
        await creating
    async with asyncio.timeout(30):
        await daemon.hung_up.wait()


async def test_other_images_are_taken_where_k3ds_own_variables_name_them(k3d, tmp_path, monkeypatch):
    monkeypatch.setenv("K3D_IMAGE_LOADBALANCER", "mirror/proxy:1")
    monkeypatch.setenv("K3D_IMAGE_TOOLS", "mirror/tools:1")

    images = await K3dCli(k3d.program, kubeconfig=tmp_path / "kubeconfig").images("mirror/k3s:1")

    assert images == ["mirror/k3s:1", "mirror/proxy:1", "mirror/tools:1"]


@pytest.mark.parametrize("corefile", ["import /etc/coredns/custom/*.server", ""])
async def test_a_k3s_that_would_not_read_the_registrys_name_is_refused(
    provider, k3d, cluster_with_dns, corefile
):
    kubeconfig = {"out": cluster_with_dns.kubeconfig.read_text()}
    k3d.reply({"cluster create": [{"containers": containers_of("test")}], "kubeconfig get": [kubeconfig]})
    async with Client.from_kubeconfig(cluster_with_dns.kubeconfig) as client, written(client, corefile):
        with pytest.raises(CreationError, match=r"imports no \*\.override .* --node-image"):
            await provider.create(ignore)


@asynccontextmanager
async def written(client, corefile):
    """Have another Corefile for a while."""
    had = await client.get(COREFILE.kind, COREFILE.name, COREFILE.namespace)
    where = {"namespace": COREFILE.namespace}
    await client.merge_patch(COREFILE.kind, COREFILE.name, {"data": {"Corefile": corefile}}, **where)
    try:
        yield
    finally:
        await client.merge_patch(COREFILE.kind, COREFILE.name, {"data": had["data"]}, **where)


async def test_logs_are_collected_container_by_container(provider, daemon, tmp_path):
    daemon.put(containers_of("test") | {"other": a_container()})

    await provider.collect_logs(tmp_path / "logs")

    assert sorted(file.name for file in (tmp_path / "logs").iterdir()) == [
        "k3d-test-registry.log",
        "k3d-test-server-0.log",
    ]
