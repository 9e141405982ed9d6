"""A cluster that stays: what was there stays as well, and what we have made goes, whoever takes it away."""

from dataclasses import dataclass, field, replace

import pytest
from stored import StoredCluster, an_object

from kyma_harness.clusters.choice import Chosen
from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.clusters.errors import ForeignClusterError, MismatchError
from kyma_harness.clusters.existing import MARKER, ExistingProvider
from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.host.errors import ForeignFolderError
from kyma_harness.host.sharing import Share
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import builtin_pair
from kyma_harness.kyma.room import check_room
from kyma_harness.session import lifetime
from kyma_harness.session.options import from_environment
from kyma_harness.session.record import Record, RecordFile
from kyma_harness.session.setup import Testbed
from kyma_harness.toolchain.toolchain import ToolPaths

KUBECTL = """\
#!/bin/sh
case "$*" in *get-contexts*) echo theirs;; *) echo '{}';; esac
"""
MODULE = """\
name: example.com/module/lamp
version: 1.0.0
channel: regular
chart: chart
config: config.yaml
defaultCR: lamp.yaml
manager: {namespace: lamps, deployment: lamp-manager}
"""
TEMPLATE = """\
apiVersion: v1
kind: Namespace
metadata: {name: lamps}
---
apiVersion: operator.kyma-project.io/v1alpha1
kind: ModuleTemplate
metadata: {name: moduletemplate-lamp, namespace: kcp-system}
"""
ITS_OWN = ("Namespace default", "Node default", "ServiceAccount default/default")
"""What is in the cluster before anybody comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHome(ClusterHome):
    stored: StoredCluster = field(default_factory=StoredCluster)

    def client(self):
        return self.stored.connected()


class StoredTestbed(Testbed):
    """A testbed whose managers nobody waits for: no kubelet runs them."""

    def client(self):
        return self.provider._home.client()

    async def deploy(self):
        (self.settings.cluster_state / "module-template.yaml").write_text(TEMPLATE)
        async with self.client() as client:
            for item in self.managers.objects:
                await self._makings().apply(client, item, field_manager="kyma")
            await self.deploy_kyma(client)


@pytest.fixture
def module(tmp_path):
    folder = tmp_path / "lamp"
    (folder / "chart" / "crds").mkdir(parents=True)
    (folder / "config.yaml").write_text("configs:\n")
    (folder / "lamp.yaml").write_text("apiVersion: example.com/v1\nkind: Lamp\n")
    (folder / "module.yaml").write_text(MODULE)
    return Module.load(folder / "module.yaml")


@pytest.fixture
def cluster():
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    return StoredCluster(
        an_object("Node", "default", status=ready),
        an_object("Namespace", "default"),
        an_object("ServiceAccount", "default", "default"),
    )


@pytest.fixture
async def make(tmp_path, module, cluster):
    """Return a testbed of the one cluster, as any command of a user makes one; users have a state each."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    managers = await builtin_pair("asked for")

    def make(user="ada"):
        settings = from_environment({}, state=tmp_path / user)
        record = RecordFile(settings)
        options = ProviderOptions(context="theirs", allow_context="theirs", registry="localhost:5001")
        home = StoredHome(
            cluster=settings.cluster, folder=settings.cluster_state, kubectl=kubectl, stored=cluster
        )
        return StoredTestbed(
            settings=replace(settings, provider="existing", options=options, module=module.chart.parent),
            tools=ToolPaths(folder=tmp_path),
            module=module,
            managers=managers,
            provider=ExistingProvider(
                home=home,
                options=options,
                check_room=lambda client: check_room(client, module, managers.objects),
                claim=record.claim,
            ),
            chosen=Chosen(provider="existing", reason="asked for"),
            users=Share(settings.cluster_state / "users.lock"),
            record=record,
            take_fingerprint=dict,
        )

    return make


async def start(testbed):
    return await lifetime.start(testbed, lambda _: None)


async def test_a_later_command_takes_away_what_an_earlier_one_has_made_and_no_more(make, cluster):
    cluster.put(an_object("Namespace", "lamps"))
    before = cluster.names()
    ours = make()
    await start(ours)
    await ours.deploy()
    assert "Kyma.operator.kyma-project.io kcp-system/default-kyma" in cluster.names()

    await make().stop()

    assert cluster.names() == before
    assert not ours.settings.cluster_state.exists()


async def test_where_there_is_no_room_nothing_is_touched(make, cluster):
    cluster.put(an_object("Namespace", "lamps"))
    cluster.put(an_object("PersistentVolumeClaim", "theirs", "lamps"))
    before = cluster.names()

    with pytest.raises(ForeignClusterError, match="PersistentVolumeClaim lamps/theirs"):
        await start(make())

    assert cluster.names() == before
    assert Record.read(make().settings) is None


async def test_where_the_claim_was_deleted_what_was_deployed_is_still_ours_to_take_away(make, cluster):
    ours = make()
    await start(ours)
    await ours.deploy()
    await cluster.delete(MARKER.kind, MARKER.name, namespace=MARKER.namespace)
    ours.users.release()

    with pytest.raises(MismatchError, match=r"not claimed any more.*: take them away first"):
        await start(make())
    await make().stop()

    assert cluster.names() == sorted(ITS_OWN)


async def test_taken_up_again_the_cluster_is_still_ours(make, cluster):
    ours = make()
    await start(ours)
    await ours.deploy()
    ours.users.release()

    again = make()
    found = (await start(again)).found
    await again.deploy()
    await make().stop()

    assert found
    assert cluster.names() == sorted(ITS_OWN)
    assert not again.settings.cluster_state.exists()


async def test_who_lost_the_cluster_to_another_of_the_same_name_takes_nothing_of_theirs(make, cluster):
    """Ada's claim is deleted, and her things with it; then Bob comes, whose cluster has the same name."""
    adas = make("ada")
    await start(adas)
    await adas.deploy()
    for one in list(cluster.objects.values()):
        if one["metadata"]["name"] != "default":
            cluster.take(one)
    bobs = make("bob")
    await start(bobs)
    await bobs.deploy()
    before = cluster.names()
    adas.users.release()

    assert adas.settings.cluster == bobs.settings.cluster
    with pytest.raises(MismatchError, match=r"theirs is claimed by another run .* nothing in it is touched"):
        await make("ada").stop()

    assert cluster.names() == before
    assert not adas.settings.cluster_state.exists()
    assert await make("bob").provider.attach()


async def test_who_lost_the_cluster_is_told_so_by_every_command(make, cluster):
    adas = make("ada")
    await start(adas)
    cluster.put(another_claim())

    with pytest.raises(MismatchError, match=r"theirs is claimed by another run .*host.*elsewhere"):
        await make("ada").provider.attach()


async def test_a_claim_and_a_record_of_an_older_version_belong_together_by_name_and_host(make, cluster):
    ours = make()
    await start(ours)
    record = Record.read(ours.settings)
    replace(record, claim="").write(ours.settings)
    claim = await cluster.get(MARKER.kind, MARKER.name, MARKER.namespace)
    del claim["data"]["id"]
    cluster.put(claim)

    assert await make().provider.attach()


async def test_of_two_that_begin_at_once_the_second_takes_up_what_the_first_has_claimed(make):
    first, second = make(), make()

    await start(first)
    found = (await start(second)).found

    assert found


def another_claim():
    data = {"cluster": "kyma", "host": "elsewhere", "id": "0" * 32}
    return an_object("ConfigMap", MARKER.name, MARKER.namespace, data=data)


async def test_in_a_folder_of_somebody_elses_nothing_is_written_before_it_is_refused(make, cluster):
    ours, before = make(), cluster.names()
    folder = ours.settings.cluster_state
    folder.mkdir(parents=True)
    (folder / "chapter1.txt").write_text("words")

    with pytest.raises(ForeignFolderError, match=r"kyma has chapter1\.txt, which is no part of a cluster"):
        await start(ours)

    assert [entry.name for entry in folder.iterdir()] == ["chapter1.txt"]
    assert cluster.names() == before
