"""The proxy lets everything through as it is, unless its plan says otherwise."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import pytest
from eventually import PATIENCE

from kubeloop.client import Client
from kubeloop.errors import (
    ConflictError,
    ExpiredError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
    UnreachableError,
)
from kubeloop.kinds import CONFIG_MAP, NAMESPACE
from kyma_harness.faults.kit import FaultKit
from kyma_harness.faults.plan import (
    CONFLICT,
    TOO_MANY_REQUESTS,
    Cut,
    Delay,
    EndWatch,
    Expire,
    Kill,
    Mixed,
    Moment,
    Nth,
)
from kyma_harness.faults.proxy import ApiProxy
from kyma_harness.host.blocking import Portal
from kyma_harness.wait.eventually import eventually


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A client behind a proxy, with rights in one namespace, and an administrator who looks from outside."""

    admin: Client
    client: Client
    kit: FaultKit
    proxy: ApiProxy
    portal: Portal
    namespace: str

    def create(self):
        return self.portal.call(self.client.create(a_config_map(self.namespace)))

    def list(self):
        return self.portal.call(self.client.list(CONFIG_MAP, namespace=self.namespace))

    def exists(self):
        selector = "metadata.name=one"
        found = self.admin.list(CONFIG_MAP, namespace=self.namespace, field_selector=selector)
        return bool(self.portal.call(found).items)


@pytest.fixture
def scene(admin, client, kit, proxy, portal):
    made = portal.call(admin.create({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "faults-"},
    }))  # fmt: skip
    name = made["metadata"]["name"]
    portal.call(admin.create({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "all", "namespace": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }))  # fmt: skip
    # The API server hears of a new right by a watch of its own.
    eventually(
        lambda: portal.call(client.list(CONFIG_MAP, namespace=name)).resource_version,
        "the right to list",
        within=60,
        tolerate=ForbiddenError,
    )
    yield Scene(admin=admin, client=client, kit=kit, proxy=proxy, portal=portal, namespace=name)
    portal.call(admin.delete(NAMESPACE, name))


def a_config_map(namespace, name="one"):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


def first(fault):
    return Nth(number=1, fault=fault, selects=lambda call: call.resource == "configmaps")


def test_a_call_goes_through_with_the_callers_own_rights(scene):
    created = scene.create()

    assert created in scene.list().items
    with pytest.raises(ForbiddenError, match="system:serviceaccount:default:default"):
        scene.portal.call(scene.client.list(CONFIG_MAP, namespace="kube-system"))


def test_every_call_is_recorded_with_its_answer(scene):
    mark = len(scene.proxy.record)

    scene.create()
    with pytest.raises(NotFoundError):
        scene.portal.call(scene.client.get(CONFIG_MAP, "two", scene.namespace))

    made = [entry for entry in scene.proxy.record.since(mark) if entry.call.resource]
    assert [(str(entry.call), entry.status) for entry in made] == [
        (f"create configmaps {scene.namespace}", 201),
        (f"get configmaps {scene.namespace}/two", 404),
    ]


@pytest.mark.parametrize(
    ("fault", "error"), [(CONFLICT, ConflictError), (TOO_MANY_REQUESTS, TooManyRequestsError)]
)
def test_a_refused_call_never_reaches_the_api_server(scene, fault, error):
    scene.kit.under(scene.proxy, first(fault))

    with pytest.raises(error) as refusal:
        scene.create()

    assert refusal.value.retry_after == fault.retry_after
    assert not scene.exists()


@pytest.mark.parametrize(("moment", "has_happened"), [(Moment.BEFORE, False), (Moment.AFTER, True)])
def test_a_cut_call_has_happened_or_not(scene, moment, has_happened):
    scene.kit.under(scene.proxy, first(Cut(moment=moment)))

    with pytest.raises(UnreachableError):
        scene.create()

    assert scene.exists() is has_happened


def test_a_kill_kills_what_the_proxy_is_aimed_at(scene):
    killed = []
    scene.proxy.aim(lambda: killed.append("the manager"))
    scene.kit.under(scene.proxy, first(Kill(moment=Moment.BEFORE)))

    with pytest.raises(UnreachableError):
        scene.create()

    assert killed == ["the manager"]


def test_a_late_call_goes_through(scene):
    scene.kit.under(scene.proxy, first(Delay(seconds=0.2)))

    scene.create()

    assert scene.exists()


async def watched(client, namespace):
    """Return the names that a watch tells of until it ends."""
    events = client.watch(CONFIG_MAP, namespace=namespace, resource_version=None, timeout_seconds=300)
    async with asyncio.timeout(PATIENCE), aclosing(events):
        return [event.object["metadata"]["name"] async for event in events if event.type != "BOOKMARK"]


def test_a_watch_is_told_that_its_version_is_too_old(scene):
    scene.kit.under(scene.proxy, first(Expire()))

    with pytest.raises(ExpiredError):
        scene.portal.call(watched(scene.client, scene.namespace))


def test_a_watch_is_cut_in_the_middle(scene):
    scene.kit.under(scene.proxy, first(EndWatch(after=0.5)))

    with pytest.raises(UnreachableError):
        scene.portal.call(watched(scene.client, scene.namespace))


def test_an_outage_refuses_every_call_and_ends_with_its_block(scene):
    with scene.proxy.outage(), pytest.raises(UnreachableError):
        scene.list()

    assert scene.list().resource_version


def test_an_undone_plan_leaves_no_faults_behind(scene):
    everything = Mixed(seed=1, share=1, on_reads=(TOO_MANY_REQUESTS,))

    with scene.kit.under(scene.proxy, everything), pytest.raises(TooManyRequestsError):
        scene.list()

    assert scene.list().resource_version
