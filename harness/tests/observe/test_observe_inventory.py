"""An inventory has what somebody made, and not what owners make and take away."""

import pytest
from stored import StoredCluster, an_object

from kyma_harness.observe.inventory import take_inventory

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
