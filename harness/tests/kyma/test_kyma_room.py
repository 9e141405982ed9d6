"""A cluster in which something of somebody else's would be overwritten is refused."""

import pytest
from lamp import CRD, write_lamp
from stored import StoredCluster, an_object

from kyma_harness.clusters.errors import ForeignClusterError
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.pair import builtin_pair
from kyma_harness.kyma.room import check_room

RBAC = "rbac.authorization.k8s.io/v1"
OF_EVERY_NAMESPACE = [
    an_object("Namespace", "default"),
    an_object("Namespace", "lamps"),
    *(
        an_object(kind, name, namespace)
        for namespace in ("default", "lamps")
        for kind, name in (
            ("ServiceAccount", "default"),
            ("ConfigMap", "kube-root-ca.crt"),
            ("ConfigMap", "istio-ca-root-cert"),
        )
    ),
]


@pytest.fixture
async def managers():
    return (await builtin_pair("asked for")).objects


@pytest.fixture
def lamp(tmp_path):
    return write_lamp(tmp_path / "lamp")


@pytest.mark.parametrize(
    "there",
    [
        [],
        [an_object("Namespace", "lamps")],
        OF_EVERY_NAMESPACE,
        [an_object("Secret", "theirs", "elsewhere")],
        [*OF_EVERY_NAMESPACE, an_object("Event", "lamp.1", "lamps")],
    ],
    ids=["nothing", "the bare namespace", "what each namespace has", "things elsewhere", "an Event"],
)
async def test_there_is_room_where_nothing_is_overwritten(lamp, managers, there):
    await check_room(StoredCluster(*there), lamp, managers)


@pytest.mark.parametrize(
    ("there", "named"),
    [
        (an_object("PersistentVolumeClaim", "retained", "lamps"), "PersistentVolumeClaim lamps/retained"),
        (
            an_object("Deployment", "lamp-manager", "lamps", api_version="apps/v1"),
            "Deployment.apps lamps/",
        ),
        (an_object("ConfigMap", "theirs", "lamps"), "ConfigMap lamps/theirs"),
        (an_object("ServiceAccount", "theirs", "lamps"), "ServiceAccount lamps/theirs"),
        (an_object("ClusterRole", "module-manager-manager-role", api_version=RBAC), "ClusterRole module-man"),
        (parse_objects(CRD, "the lamp's CRD")[0], "CustomResourceDefinition lamps.example.com"),
    ],
)
async def test_what_would_be_overwritten_is_named(lamp, managers, there, named):
    cluster = StoredCluster(*OF_EVERY_NAMESPACE, there)

    with pytest.raises(ForeignClusterError, match=rf"{named}.*: choose another cluster"):
        await check_room(cluster, lamp, managers)


async def test_of_many_things_some_are_named(lamp, managers):
    cluster = StoredCluster(*(an_object("Secret", f"s-{number}", "lamps") for number in range(8)))

    with pytest.raises(ForeignClusterError, match=r"Secret lamps/s-4 and 3 more: choose another"):
        await check_room(cluster, lamp, managers)
