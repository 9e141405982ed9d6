"""Whatever goes wrong in a pass stands on the object, and never holds it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.events import EventRecorder
from kubeloop.kinds import EVENT
from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.kyma.contract import KCP_NAMESPACE, KYMA, MANIFEST
from kyma_harness.kyma.pair import builtin_pair
from kyma_harness.managers.lifecycle_manager.reconciler import KymaReconciler
from kyma_harness.managers.module_manager.installer import Outcome
from kyma_harness.managers.module_manager.reconciler import ManifestReconciler
from kyma_harness.managers.module_manager.status import State
from kyma_harness.managers.patience import Patience


@pytest.fixture
async def client(embedded_cluster: EmbeddedCluster) -> AsyncIterator[Client]:
    """A client of a cluster that knows the lifecycle managers' kinds, and has none of their programs."""
    async with Client.from_kubeconfig(embedded_cluster.kubeconfig) as client:
        for item in (await builtin_pair("asked for")).objects:
            if item["kind"] in ("Namespace", "CustomResourceDefinition"):
                await client.apply(item, field_manager="tests", force=True)
        client.forget_discovery()
        yield client


class Broken:
    """An installer that fails in a way that nobody has foreseen, at one of its steps."""

    def __init__(self, step: str, error: Exception) -> None:
        self._step = step
        self._error = error

    async def prepare(self, _manifest: Object) -> list[Any]:
        self._come_to("prepare")
        return []

    async def install(self, _manifest: Object, _installs: list[Any]) -> Outcome:
        self._come_to("install")
        return Outcome(state=State.READY)

    async def remove(self, _manifest: Object, _installs: list[Any]) -> bool:
        self._come_to("remove")
        return True

    def _come_to(self, step: str) -> None:
        if step == self._step:
            raise self._error


async def made(client: Client, kind: Kind, name: str, spec: Object) -> ObjectKey:
    obj = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": KCP_NAMESPACE},
        "spec": spec,
    }
    while True:
        try:
            await client.create(obj)
        except (NotFoundError, KindAbsentError):
            # A definition is established a moment before its kind is served.
            client.forget_discovery()
            await asyncio.sleep(0.05)
        else:
            break
    return ObjectKey(KCP_NAMESPACE, name)


async def events_of(client: Client, name: str) -> list[str]:
    found = (await client.list(EVENT, namespace=KCP_NAMESPACE)).items
    return [f"{one['reason']}: {one['message']}" for one in found if one["involvedObject"]["name"] == name]


def manifests(client: Client, installer: Any) -> ManifestReconciler:
    return ManifestReconciler(
        client,
        installer=installer,
        events=EventRecorder(client, "module-manager"),
        patience=Patience(base=0.01, maximum=0.01),
        resync=20,
    )


@pytest.mark.parametrize("step", ["prepare", "install", "remove"])
async def test_a_manifest_says_what_nobody_has_foreseen_and_can_be_removed(client: Client, step: str):
    name = f"broken-{step}"
    key = await made(client, MANIFEST, name, {"installs": [], "remote": False})
    reconciler = manifests(client, Broken(step, TypeError("unhashable type: 'dict'")))
    for _ in range(4):
        await reconciler.reconcile(key)
    status = (await client.get(MANIFEST, name, KCP_NAMESPACE))["status"]
    said = "internal error: TypeError: unhashable type: 'dict'"

    await client.delete(MANIFEST, name, namespace=KCP_NAMESPACE)
    for _ in range(4):
        await reconciler.reconcile(key)

    if step != "remove":
        assert (status["state"], status["conditions"][0]["message"]) == ("Error", said)
        assert f"PassFailed: {said}" in await events_of(client, name)
    if step != "install":
        assert f"LeftBehind: {said}" in await events_of(client, name)
    with pytest.raises(NotFoundError):
        await client.get(MANIFEST, name, KCP_NAMESPACE)


async def test_a_manifest_that_recovers_is_ready(client: Client):
    key = await made(client, MANIFEST, "recovers", {"installs": [], "remote": False})
    broken = manifests(client, Broken("install", RuntimeError("for now")))
    for _ in range(4):
        await broken.reconcile(key)

    await manifests(client, Broken("", RuntimeError())).reconcile(key)
    status = (await client.get(MANIFEST, "recovers", KCP_NAMESPACE))["status"]
    await client.merge_patch(MANIFEST, "recovers", {"metadata": {"finalizers": []}}, namespace=KCP_NAMESPACE)
    await client.delete(MANIFEST, "recovers", namespace=KCP_NAMESPACE)

    assert (status["state"], status["conditions"][0]["message"]) == ("Ready", "Manifest in Ready state")


async def test_a_kyma_says_what_nobody_has_foreseen_and_can_be_deleted(client: Client):
    templates: list[Object] = []

    def all_templates() -> list[Object]:
        if not templates:
            raise KeyError("component")
        return []

    reconciler = KymaReconciler(
        client,
        templates=all_templates,
        events=EventRecorder(client, "lifecycle-manager"),
        patience=Patience(base=0.01, maximum=0.01),
        resync=20,
    )
    key = await made(client, KYMA, "broken", {"channel": "regular"})
    for _ in range(4):
        await reconciler.reconcile(key)
    failed = (await client.get(KYMA, "broken", KCP_NAMESPACE))["status"]
    templates.append({})
    for _ in range(2):
        await reconciler.reconcile(key)
    recovered = (await client.get(KYMA, "broken", KCP_NAMESPACE))["status"]
    templates.clear()
    await client.delete(KYMA, "broken", namespace=KCP_NAMESPACE)
    await reconciler.reconcile(key)

    said = "internal error: KeyError: 'component'"
    assert (failed["state"], failed["conditions"][0]["message"]) == ("Error", said)
    assert f"ModuleReconciliationError: {said}" in await events_of(client, "broken")
    assert (recovered["state"], recovered["conditions"][0]["status"]) == ("Ready", "True")
    with pytest.raises(NotFoundError):
        await client.get(KYMA, "broken", KCP_NAMESPACE)
