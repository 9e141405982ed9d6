"""Put an install's objects into the cluster, keep them as they should be, and take them away."""

from collections.abc import Iterable, Sequence
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import AlreadyExistsError, KindAbsentError, NotFoundError
from kubeloop.kinds import CRD, NAMESPACE
from kubeloop.resource import Kind, Object, ObjectKey, generation_of
from kyma_harness.kyma.errors import KymaError
from kyma_harness.managers.module_manager.charts import Install
from kyma_harness.wait.claims import has_condition
from kyma_harness.wait.waits import Target, wait_for

NATIVE = frozenset(
    [
        *("", "apps", "autoscaling", "batch", "extensions", "policy"),
        *("admissionregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io"),
        *("certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io"),
        *("flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io"),
        *("rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io"),
        "storagemigration.k8s.io",
    ]
)
"""The groups whose kinds Kubernetes' clients know, and helm merges; of any other it only knows JSON."""
NAMED_ITEMS = frozenset({"containers", "initContainers"})
"""Lists of a pod whose items have names: only what differs of one is patched, as others may add to them."""
RETAINED = frozenset({"strategy", "volumes"})
"""Fields in a workload whose parts are a choice: what is not chosen has to go."""
WEIGHED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job"})
"""The kinds that helm waits for; any other is ready as soon as it is there."""
_SAY_SO = ("Ready", "Available", "Established", "Complete")
ESTABLISHED_WITHIN = 30.0
"""Seconds that a definition may take until the API server serves its kind."""


class Objects:
    """The objects of installs, as the API server has them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def define(self, definitions: Iterable[Object]) -> None:
        """Create the definitions that are missing, and wait for them; none is ever updated (contract 2.6)."""
        missing = [item for item in definitions if await self.get(_named(item)) is None]
        for definition in missing:
            await self.create(definition)
        for definition in missing:
            if definition["kind"] == CRD.kind:
                await self._established(definition["metadata"]["name"])

    async def apply(self, objects: Sequence[Object], install: Install) -> None:
        """Create an install's objects, and repair those that are there; definitions are waited for.

        As with the original nothing is pruned, neither an object nor a field that an upgrade drops, and
        objects whose kind is not one of Kubernetes' own are never changed (contract 2.4).
        """
        settings = install.settings
        if settings.creates_namespace:
            await self._put(_namespace(settings.namespace))
        for item in objects:
            _named(item)
        await self.define(item for item in objects if item["kind"] == CRD.kind)
        for item in objects:
            await self._put(await self._placed(item, settings.namespace))

    async def remove(self, objects: Sequence[Object], install: Install) -> None:
        """Ask for the deletion of an install's objects, the last one first; wait for none (contract 2.7)."""
        for item in reversed(objects):
            if _name_of(item):
                await self.delete(await self._placed(item, install.settings.namespace))

    async def are_ready(self, objects: Iterable[Object], install: Install) -> bool:
        """Tell whether every object that does something is there, and ready in the sense of its kind."""
        for item in objects:
            if item["kind"] not in WEIGHED:
                continue
            live = await self.get(await self._placed(item, install.settings.namespace))
            if live is None or not _is_ready(live):
                return False
        return True

    async def get(self, wanted: Object) -> Object | None:
        """Return the live object of a name; None where it, or its kind, is not there."""
        key = ObjectKey.of(wanted)
        try:
            return await self._client.get(Kind.of(wanted), key.name, key.namespace)
        except (NotFoundError, KindAbsentError):
            return None

    async def create(self, wanted: Object) -> Object:
        """Create an object that is not there; one that came meanwhile stays as it is."""
        try:
            return await self._client.create(wanted)
        except AlreadyExistsError:
            return await self.get(wanted) or wanted

    async def delete(self, item: Object) -> None:
        """Ask for an object's deletion, if it is there."""
        key = ObjectKey.of(item)
        try:
            await self._client.delete(Kind.of(item), key.name, namespace=key.namespace)
        except (NotFoundError, KindAbsentError):
            return

    async def _established(self, name: str) -> None:
        target = Target(kind=CRD, name=name)
        await wait_for(
            self._client,
            target,
            has_condition("Established"),
            what="be Established",
            within=ESTABLISHED_WITHIN,
        )
        self._client.forget_discovery()

    async def _put(self, item: Object) -> None:
        live = await self.get(item)
        if live is None:
            await self.create(item)
        elif patch := repair_of(live, item):
            key = ObjectKey.of(item)
            await self._client.strategic_patch(Kind.of(item), key.name, patch, namespace=key.namespace)

    async def _placed(self, item: Object, namespace: str) -> Object:
        """Put an object that names no namespace into one, if its kind has namespaces at all."""
        if item["metadata"].get("namespace"):
            return item
        try:
            served = await self._client.served(Kind.of(item))
        except KindAbsentError:
            return item
        if not served.namespaced:
            return item
        return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


class ObjectError(KymaError):
    """An object that module-manager could not install."""


def repair_of(live: Object, wanted: Object) -> Object:
    """Return the strategic merge patch that makes an object what the chart says; empty where it is that.

    It is what a three-way merge comes to whose first two ways are the same: what the chart says is put
    right, and what it does not mention stays.
    """
    if Kind.of(wanted).group not in NATIVE:
        return {}
    return _missing(live, wanted)


def _missing(live: Object, wanted: Object) -> Object:
    patch: Object = {}
    for key, value in wanted.items():
        there = live.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            if inner := _missing(there, value):
                patch[key] = {**inner, "$retainKeys": list(value)} if key in RETAINED else inner
        elif key in NAMED_ITEMS and isinstance(value, list) and isinstance(there, list):
            if items := _missing_items(there, value):
                patch[key] = items
        elif not _covers(there, value):
            patch[key] = _retaining(value) if key in RETAINED else value
    return patch


def _missing_items(live: list[Object], wanted: list[Object]) -> list[Object]:
    """Return what is missing of each item, which the API server finds by its name."""
    there = {item.get("name"): item for item in live}
    missing = ((item, _missing(there.get(item.get("name"), {}), item)) for item in wanted)
    return [{"name": item.get("name"), **lacking} for item, lacking in missing if lacking]


def _covers(live: Any, wanted: Any) -> bool:
    """Tell whether nothing is missing; lists have to have the same items in the same order."""
    match wanted:
        case dict():
            return isinstance(live, dict) and all(_covers(live.get(key), one) for key, one in wanted.items())
        case list():
            return (
                isinstance(live, list)
                and len(live) == len(wanted)
                and all(_covers(*pair) for pair in zip(live, wanted, strict=True))
            )
        case _:
            return bool(live == wanted and isinstance(live, bool) == isinstance(wanted, bool))


def _retaining(value: Any) -> Any:
    if isinstance(value, list):
        return [_retaining(one) for one in value]
    return {**value, "$retainKeys": list(value)} if isinstance(value, dict) else value


def _name_of(item: Object) -> str:
    name = item["metadata"].get("name")
    return name if isinstance(name, str) else ""


def _named(item: Object) -> Object:
    """Return an object that has a name: helm can neither find nor repair another, a ``List`` for example."""
    if not _name_of(item):
        raise ObjectError(
            f"a {item['kind']} of the chart has no name: resource name may not be empty; module-manager "
            "installs neither generateName nor a List, whose items have to be documents of their own"
        )
    return item


def _is_ready(live: Object) -> bool:
    """Judge as the original does: what a wait of ours would not take for ready yet is ready enough for it.

    A status that says nothing of updated replicas is taken to mean all of them, and old pods do not count.
    """
    status = live.get("status") or {}
    if status.get("observedGeneration", generation_of(live)) != generation_of(live):
        return False
    if live["kind"] == "DaemonSet":
        wanted, there = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
        return bool(there >= wanted and status.get("updatedNumberScheduled", 0) >= wanted)
    if live["kind"] in {"Deployment", "StatefulSet", "ReplicaSet"}:
        wanted, there = live["spec"].get("replicas", 1), status.get("availableReplicas", 0)
        return bool(there >= wanted and status.get("updatedReplicas", there) >= wanted)
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or []}
    said = next((conditions[one] for one in _SAY_SO if one in conditions), "")
    return said == "True"


def _namespace(name: str) -> Object:
    return {
        "apiVersion": NAMESPACE.api_version,
        "kind": NAMESPACE.kind,
        "metadata": {"name": name, "labels": {"name": name}},
    }
