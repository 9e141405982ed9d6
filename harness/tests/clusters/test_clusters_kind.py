"""The kind provider through pytest-kind: recorded answers of kind and Docker, a real API server."""

import json
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from docker_daemon import a_container
from image_archives import saved

from kubeloop.client import Client
from kubeloop.kinds import CONFIG_MAP
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.errors import ArchiveError, CreationError, ForeignClusterError
from kyma_harness.clusters.factory import provider_to_delete
from kyma_harness.clusters.kind import KindProvider, config, hosts_toml
from kyma_harness.clusters.provider import ProviderOptions

SCRIPT = """\
    #!{python}
    import json, pathlib, sys
    folder = pathlib.Path({folder!r})
    words = sys.argv[1:]
    with (folder / "calls.jsonl").open("a") as file:
        print(json.dumps(words), file=file)
    given = dict(word.split("=", 1) for word in words if "=" in word)
    containers = folder / "containers.json"
    known = json.loads(containers.read_text())
    node = json.loads((folder / "node.json").read_text())
    if words == ["--version"]:
        print("kind version", (folder / "version").read_text())
    elif words[:2] == ["create", "cluster"]:
        if (folder / "broken").exists():
            sys.exit("ERROR: failed to create cluster")
        pathlib.Path(given["--kubeconfig"]).write_text((folder / "kubeconfig").read_text())
        containers.write_text(json.dumps(known | {{given["--name"] + "-control-plane": node}}))
    elif words[:2] == ["delete", "cluster"]:
        known.pop(given["--name"] + "-control-plane", None)
        containers.write_text(json.dumps(known))
"""


class RecordedKind:
    """The program ``kind`` in a folder, and what it was asked for."""

    def __init__(self, folder, kubeconfig):
        self.folder = folder
        self.program = folder / "kind"
        self.program.write_text(textwrap.dedent(SCRIPT).format(python=sys.executable, folder=str(folder)))
        self.program.chmod(0o755)
        node = a_container(labels={"io.x-k8s.kind.cluster": "test"}, networks={"kind": "172.18.0.2"})
        (folder / "node.json").write_text(json.dumps(node))
        (folder / "kubeconfig").write_text(kubeconfig.read_text())
        (folder / "version").write_text("0.33.0")

    @property
    def calls(self):
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    def call(self, *words):
        """Return the one call that begins with these words."""
        (found,) = [call for call in self.calls if call[: len(words)] == list(words)]
        return found


@pytest.fixture
def kind(tmp_path, cluster_with_dns, monkeypatch):
    monkeypatch.chdir(tmp_path)  # pytest-kind keeps a folder where it runs
    return RecordedKind(tmp_path, cluster_with_dns.kubeconfig)


@pytest.fixture
def make(kind, daemon, tmp_path, tools):
    def make(**options):
        return KindProvider(
            home=ClusterHome(cluster="test", folder=tmp_path / "state", kubectl=tools.folder / "kubectl"),
            options=ProviderOptions(kind_binary=kind.program, **options),
        )

    assert daemon.containers == {}
    return make


def ignore(_):
    pass


async def test_a_created_cluster_and_its_registry_know_each_other(make, daemon):
    provider = make()

    await provider.create(ignore)

    port = daemon.containers["kind-test-registry"]["ports"]["5000/tcp"]
    assert provider.registry.push == provider.registry.nodes == f"localhost:{port}"
    assert provider.registry.pull == "172.18.0.9:5000"
    hosts = daemon.written["test-control-plane", f"/etc/containerd/certs.d/localhost:{port}/hosts.toml"]
    assert hosts == '[host."http://kind-test-registry:5000"]\n'
    async with Client.from_kubeconfig(provider.kubeconfig) as client:
        hosting = await client.get(CONFIG_MAP, "local-registry-hosting", "kube-public")
    assert yaml.safe_load(hosting["data"]["localRegistryHosting.v1"]) == {"host": f"localhost:{port}"}


async def test_kinds_own_options_go_through(make, kind, tmp_path):
    (tmp_path / "mine.yaml").write_text("networking: {ipFamily: ipv4}\n")

    await make(node_image="kindest/node:v1.30.0", kind_config=tmp_path / "mine.yaml").create(ignore)

    call = kind.call("create", "cluster")
    assert "--image=kindest/node:v1.30.0" in call
    described = yaml.safe_load((tmp_path / "state" / "kind.yaml").read_text())
    assert described["networking"] == {"ipFamily": "ipv4"}
    assert described["kind"] == "Cluster"


async def test_it_is_taken_up_again(make):
    assert not await make().attach()
    await make().create(ignore)

    assert await make().attach()


async def test_nothing_is_left_of_a_deleted_cluster(make, kind, daemon, tmp_path):
    await make().create(ignore)

    await make().delete()

    assert daemon.containers == {}
    assert kind.call("delete", "cluster")[2] == "--name=test"
    assert not (tmp_path / "state").exists()
    assert not (tmp_path / ".pytest-kind").exists()


async def test_a_cluster_is_deleted_without_any_tool_of_ours(make, kind, daemon, tmp_path):
    await make().create(ignore)

    options = ProviderOptions(kind_binary=kind.program)
    await provider_to_delete("kind", cluster="test", state=tmp_path / "state", options=options).delete()

    assert daemon.containers == {}


async def test_a_creation_that_fails_leaves_no_registry(make, daemon, tmp_path):
    (tmp_path / "broken").touch()

    with pytest.raises(CreationError, match="kind did not create cluster test"):
        await make().create(ignore)

    assert daemon.containers == {}


async def test_the_logs_of_nodes_that_did_not_settle_are_collected_though_they_are_gone(make, tmp_path):
    settling = tmp_path / "state" / "logs" / "settling"
    settling.mkdir(parents=True)
    (settling / "kubelet.log").write_text("it did not settle")

    await make().collect_logs(tmp_path / "evidence")

    assert (tmp_path / "evidence" / "settling" / "kubelet.log").read_text() == "it did not settle"


async def test_a_cluster_of_somebody_else_is_not_touched(make, kind, daemon):
    daemon.put({"test-control-plane": a_container(labels={"io.x-k8s.kind.cluster": "test"})})

    with pytest.raises(ForeignClusterError, match="kind delete cluster --name test"):
        await make().create(ignore)
    with pytest.raises(ForeignClusterError, match="that the harness did not make"):
        await make().delete()

    assert not (kind.folder / "calls.jsonl").exists()


async def test_an_image_is_loaded_into_this_cluster_alone(make, kind, tmp_path):
    archive = saved(tmp_path, "nats:2.15.1-alpine")

    names = await make().load_image(archive)

    assert kind.calls == [["load", "image-archive", str(archive), "--name", "test"]]
    assert names == ["nats:2.15.1-alpine"]


async def test_what_is_no_archive_of_images_does_not_get_as_far_as_kind(make, kind):
    with pytest.raises(ArchiveError, match=r"/etc/hosts is no archive of images"):
        await make().load_image(Path("/etc/hosts"))

    assert not (kind.folder / "calls.jsonl").exists()


async def test_an_old_kind_is_told_where_registries_are_described(make, kind, tmp_path):
    (kind.folder / "version").write_text("0.17.0")

    await make().create(ignore)

    described = yaml.safe_load((tmp_path / "state" / "kind.yaml").read_text())
    assert 'config_path = "/etc/containerd/certs.d"' in described["containerdConfigPatches"][0]


def test_patches_that_are_given_stay(tmp_path):
    (tmp_path / "kind.yaml").write_text("containerdConfigPatches: [one]\n")

    patches = config(tmp_path / "kind.yaml", patch_containerd=True)["containerdConfigPatches"]

    assert patches[0] == "one"
    assert len(patches) == 2


@pytest.mark.parametrize(("content", "said"), [("- a", "is not a mapping"), ("a: [", "is not YAML")])
def test_a_configuration_that_makes_no_sense_is_refused(tmp_path, content, said):
    (tmp_path / "kind.yaml").write_text(content)

    with pytest.raises(CreationError, match=said):
        config(tmp_path / "kind.yaml", patch_containerd=False)


def test_containerd_speaks_plain_http_with_the_registry():
    assert hosts_toml("registry:5000") == '[host."http://registry:5000"]\n'
