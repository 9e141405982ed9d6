"""An inventory has what somebody made, and not what owners make and take away."""

import time
from types import SimpleNamespace

import pytest
from stored import StoredCluster, an_object, unanswered

from kubeloop.client import Client
from kubeloop.errors import ForbiddenError, UnreachableError
from kubeloop.kinds import NAMESPACE
from kubeloop.resource import Kind, is_deleting
from kyma_harness.evidence.gather import gather
from kyma_harness.host.blocking import Portal
from kyma_harness.kube.inventory import take_inventory
from kyma_harness.pytest.cluster import a_namespace
from kyma_harness.pytest.handles.api import Api
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.steps import StepLog

METRICS = "metrics.k8s.io/v1beta1"
OWNER = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "1", "controller": True}]


def owned(obj):
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": OWNER}}


@pytest.mark.parametrize(
    ("obj", "named"),
    [
        (an_object("Pod", "bare", "shop"), "Pod shop/bare"),
        (an_object("ReplicaSet", "bare", "shop", api_version="apps/v1"), "ReplicaSet.apps shop/bare"),
        (
            an_object("ControllerRevision", "bare", "shop", api_version="apps/v1"),
            "ControllerRevision.apps shop/bare",
        ),
        (
            an_object("EndpointSlice", "bare", "shop", api_version="discovery.k8s.io/v1"),
            "EndpointSlice.discovery.k8s.io shop/bare",
        ),
        (an_object("ConfigMap", "one", "shop"), "ConfigMap shop/one"),
        (owned(an_object("ConfigMap", "one", "shop")), "ConfigMap shop/one"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_what_nobody_takes_away_is_in_the_inventory(obj, named):
    before = await take_inventory(StoredCluster(an_object("Namespace", "shop")))

    after = await take_inventory(StoredCluster(an_object("Namespace", "shop"), obj))

    assert after.beyond(before) == [named]


@pytest.mark.parametrize(
    "obj",
    [
        owned(an_object("Pod", "web-1-x", "shop")),
        owned(an_object("ReplicaSet", "web-1", "shop", api_version="apps/v1")),
        owned(an_object("EndpointSlice", "web-x", "shop", api_version="discovery.k8s.io/v1")),
        an_object("Event", "web.1", "shop"),
        an_object("Lease", "leader", "shop", api_version="coordination.k8s.io/v1"),
        an_object("Endpoints", "web", "shop"),
    ],
    ids=lambda obj: obj["kind"],
)
async def test_what_comes_and_goes_by_itself_is_not(obj):
    found = await take_inventory(StoredCluster(an_object("Namespace", "shop"), obj))

    assert found.inside("shop") == []


ERRORS = {
    "no server": unanswered(f"/apis/{METRICS}"),
    "no answer": UnreachableError("https://stored", "timed out"),
    "not allowed": ForbiddenError(403, "Forbidden", "not for you", method="GET", path="/"),
}


def a_cluster(*objects, dead=None):
    return StoredCluster(
        an_object("Namespace", "shop"),
        an_object("ConfigMap", "one", "shop"),
        an_object("Event", "one.1", "shop", lastTimestamp="2022-12-01T10:00:00Z", involvedObject={}),
        an_object("Lamp", "kitchen", "shop", api_version="example.com/v1"),
        *objects,
        dead=dead or {},
    )


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("part", [METRICS, "example.com/v1", "example.com/v1/lamps"])
async def test_a_part_of_the_api_that_is_dead_blinds_nothing_else(error, part):
    found = await take_inventory(a_cluster(dead={part: error}))

    assert "ConfigMap shop/one" in found.inside("shop")
    (sentence,) = found.unseen.sentences()
    assert str(error) in sentence


async def test_what_was_dead_before_and_after_makes_no_difference():
    dead = {METRICS: ERRORS["no server"]}

    before, after = await take_inventory(a_cluster(dead=dead)), await take_inventory(a_cluster(dead=dead))

    assert after.beyond(before) == []


async def test_what_can_no_longer_be_listed_is_named_as_there_may_be_anything_of_it():
    before = await take_inventory(a_cluster())

    after = await take_inventory(a_cluster(dead={"example.com/v1/lamps": ERRORS["no server"]}))

    (sentence,) = after.beyond(before)
    assert sentence.startswith("Lamp.example.com cannot be listed: ")


@pytest.mark.parametrize("part", ["example.com/v1", "example.com/v1/lamps"])
async def test_what_could_not_be_listed_before_is_not_what_came(part):
    before = await take_inventory(a_cluster(dead={part: ERRORS["no server"]}))

    assert (await take_inventory(a_cluster())).beyond(before) == []


async def test_a_core_that_is_dead_is_no_inventory():
    with pytest.raises(UnreachableError):
        await take_inventory(a_cluster(dead={"v1": ERRORS["no answer"]}))


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
async def test_evidence_has_all_the_rest_and_names_what_is_dead(error):
    cluster = a_cluster(dead={METRICS: error})
    observer = SimpleNamespace(
        client=cluster, timeline=SimpleNamespace(starting_from=lambda *_: []), steps=StepLog()
    )

    found = await gather(observer, 0.0, 1.0)

    assert {"ConfigMap", "Lamp", "Namespace"} <= {obj["kind"] for obj in found.objects}
    assert len(found.events) == 1
    assert found.problems == [f"*.metrics.k8s.io cannot be listed: {error}"]


@pytest.mark.parametrize("dead", [{METRICS: ERRORS["no server"]}, {"v1": ERRORS["no answer"]}])
def test_a_namespace_that_does_not_go_is_told_whatever_else_is_dead(dead, monkeypatch):
    cluster = a_cluster()
    monkeypatch.setattr("kyma_harness.pytest.cluster.GOING_SECONDS", 0.05)
    with Portal() as portal:
        giving = a_namespace(Api(portal, cluster), "test_it")
        name = next(giving)
        cluster.held.add(("Namespace", ("", name)))
        cluster.put(an_object("ConfigMap", "stuck", name))
        cluster.dead = dead

        with pytest.raises(pytest.fail.Exception) as raised:
            next(giving)

    assert str(raised.value).startswith(f"namespace {name} of this test does not go, and there is still ")
    assert ("ConfigMap" in str(raised.value)) == (METRICS in dead)


@pytest.mark.timeout(300)
async def test_an_api_service_without_a_server_blinds_nothing(looked_at):
    """As the metrics server leaves one behind: the API server answers 503 for the group."""
    service = {"name": "nobody", "namespace": "default", "port": 443}
    spec = {"group": "metrics.k8s.io", "version": "v1beta1", "service": service}
    spec |= {"groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": True}
    name, version = "v1beta1.metrics.k8s.io", "apiregistration.k8s.io/v1"
    dead = an_object("APIService", name, api_version=version, spec=spec)
    async with Client.from_kubeconfig(looked_at.kubeconfig) as client:
        before, spaces = await take_inventory(client), (await client.list(NAMESPACE)).items
        await client.create(dead)
        try:
            found = await take_inventory(client)
            evidence = await gather(Observer.over(client), 0.0, time.time())
        finally:
            await client.delete(Kind.of(dead), name)

    leaving = [f" {space['metadata']['name']}/" for space in spaces if is_deleting(space)]
    assert [one for one in before.beyond(found) if not any(space in one for space in leaving)] == []
    assert any("metrics.k8s.io" in one for one in found.beyond(before))
    assert evidence.objects
    assert evidence.events
