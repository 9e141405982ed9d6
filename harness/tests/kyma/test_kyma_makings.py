"""What was there before is left as it was found, and what was made is taken away again."""

import asyncio

import pytest
from lamp import write_lamp
from stored import StoredCluster, an_object

from kubeloop.kinds import NAMESPACE
from kyma_harness.kyma import deploy
from kyma_harness.kyma.makings import Made, Makings
from kyma_harness.kyma.pair import builtin_pair
from kyma_harness.kyma.undeploy import undeploy
from kyma_harness.oci.bundle import pack
from kyma_harness.oci.template import template, template_objects


@pytest.fixture
async def managers():
    return await builtin_pair("asked for")


@pytest.fixture
def lamp(tmp_path):
    return write_lamp(tmp_path / "lamp")


@pytest.fixture
def bundle(lamp):
    return pack(lamp)


async def fill(cluster, managers, bundle, makings):
    """Deploy everything; nobody waits for Deployments that no kubelet runs."""
    await deploy.apply_all(cluster, managers.objects, makings)
    await deploy.apply_template(cluster, template(bundle, "registry"), makings=makings)
    await deploy.ensure_kyma(cluster, makings=makings)


async def test_a_namespace_that_was_there_stays_with_all_that_is_in_it(managers, lamp, bundle):
    cluster = StoredCluster(
        an_object("Namespace", "default"),
        an_object("Namespace", "lamps"),
        an_object("PersistentVolumeClaim", "retained", "lamps"),
    )
    before = cluster.names()
    makings = Makings()

    await fill(cluster, managers, bundle, makings)
    await undeploy(cluster, lamp, managers.objects, template_objects(bundle, "registry"), makings)

    assert cluster.names() == before
    assert "Namespace lamps" not in cluster.deleted
    assert "Namespace kcp-system" in cluster.deleted


async def test_a_namespace_that_was_there_is_not_even_applied_to(managers, bundle):
    cluster = StoredCluster(
        {**an_object("Namespace", "lamps"), "metadata": {"name": "lamps", "labels": {"theirs": "yes"}}}
    )

    await fill(cluster, managers, bundle, Makings())

    assert (await cluster.get(*namespace("lamps")))["metadata"]["labels"] == {"theirs": "yes"}


async def test_what_was_made_anew_by_somebody_else_meanwhile_stays(managers, lamp, bundle):
    cluster, makings = StoredCluster(), Makings()
    await fill(cluster, managers, bundle, makings)
    await cluster.delete(*namespace("lamps"))
    cluster.put(an_object("Namespace", "lamps"))
    cluster.deleted.clear()

    await undeploy(cluster, lamp, managers.objects, template_objects(bundle, "registry"), makings)

    assert cluster.names() == ["Namespace lamps"]
    assert "Namespace lamps" not in cluster.deleted


async def test_of_a_cluster_about_which_nothing_was_noted_nothing_is_deleted(managers, lamp, bundle):
    cluster = StoredCluster()
    await fill(cluster, managers, bundle, Makings())
    before = cluster.names()

    await undeploy(cluster, lamp, managers.objects, template_objects(bundle, "registry"), Makings())

    assert cluster.names() == before
    assert cluster.deleted == []


async def test_a_kyma_that_is_not_ours_keeps_its_modules(managers, lamp, bundle):
    cluster, makings = StoredCluster(), Makings()
    await fill(cluster, managers, bundle, makings)
    theirs = [{"name": "lamp"}]
    (kyma,) = [obj for obj in cluster.objects.values() if obj["kind"] == "Kyma"]
    cluster.put({**kyma, "metadata": {**kyma["metadata"], "uid": "theirs"}, "spec": {"modules": theirs}})
    ours = Makings(one for one in makings if one.kind == "ModuleTemplate")

    await undeploy(cluster, lamp, managers.objects, template_objects(bundle, "registry"), ours)

    (kyma,) = [obj for obj in cluster.objects.values() if obj["kind"] == "Kyma"]
    assert kyma["spec"]["modules"] == theirs
    assert cluster.deleted == ["ModuleTemplate kcp-system/moduletemplate-lamp"]


async def test_what_an_older_version_brought_goes_as_well(managers, lamp, bundle):
    cluster, makings = StoredCluster(), Makings()
    old = an_object("ClusterRole", "of-older-managers", api_version="rbac.authorization.k8s.io/v1")
    await deploy.apply_all(cluster, [old], makings)
    await fill(cluster, managers, bundle, makings)

    await undeploy(cluster, lamp, managers.objects, template_objects(bundle, "registry"), makings)

    assert cluster.names() == []


async def test_each_thing_is_written_down_before_the_next_is_made(managers):
    written = []
    cluster = StoredCluster()

    async def apply(obj, **options):
        assert [one.uid for one in written] == [obj["metadata"]["uid"] for obj in cluster.objects.values()]
        return await StoredCluster.apply(cluster, obj, **options)

    cluster.apply = apply

    def keep(made):
        written[:] = made

    await deploy.apply_all(cluster, managers.objects, Makings(keep=keep))

    assert len(written) == len(managers.objects)


async def test_who_is_interrupted_while_something_is_being_made_still_notes_it(managers):
    asked, answer = asyncio.Event(), asyncio.Event()
    cluster, makings = StoredCluster(), Makings()

    async def apply(obj, **options):
        made = await StoredCluster.apply(cluster, obj, **options)
        asked.set()
        await answer.wait()
        return made

    cluster.apply = apply
    applying = asyncio.create_task(deploy.apply_all(cluster, managers.objects, makings))
    await asked.wait()
    applying.cancel()
    answer.set()

    with pytest.raises(asyncio.CancelledError):
        await applying

    assert [one.uid for one in makings] == [obj["metadata"]["uid"] for obj in cluster.objects.values()]


async def test_taken_up_again_what_is_ours_is_still_known(managers, bundle):
    cluster, makings = StoredCluster(), Makings()
    await fill(cluster, managers, bundle, makings)

    again = Makings(list(makings))
    await fill(cluster, managers, bundle, again)

    assert list(again) == list(makings)


def test_what_was_made_is_named_as_people_do():
    made = Made(api_version="v1", kind="ConfigMap", namespace="lamps", name="lamp", uid="7")

    assert str(made.target) == "ConfigMap lamps/lamp"


def namespace(name):
    return NAMESPACE, name
