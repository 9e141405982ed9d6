"""Put an install's objects into the cluster, keep them as they should be, and take them away."""

from collections.abc import Iterable, Sequence

from kubeloop.client import Client
from kubeloop.errors import AlreadyExistsError, ConflictError, KindAbsentError, NotFoundError
from kubeloop.kinds import CRD, NAMESPACE
from kubeloop.resource import Kind, Object, ObjectKey, generation_of
from kyma_harness.managers.module_manager.charts import Install
from kyma_harness.wait.claims import has_condition
from kyma_harness.wait.waits import Target, wait_for

FIELD_MANAGER = "module-manager"
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
        missing = [item for item in definitions if await self.get(item) is None]
        for definition in missing:
            await self.create(definition)
        for definition in missing:
            await self._established(definition["metadata"]["name"])

    async def apply(self, objects: Sequence[Object], install: Install) -> None:
        """Apply an install's objects, which repairs drift; definitions among them are waited for.

        Fields that an upgrade drops from the chart go; objects that it drops stay, as nothing is ever pruned.
        """
        if install.creates_namespace:
            await self._apply(_namespace(install.namespace))
        await self.define(item for item in objects if item["kind"] == CRD.kind)
        for item in objects:
            await self._apply(await self._placed(item, install.namespace))

    async def remove(self, objects: Sequence[Object], install: Install) -> None:
        """Ask for the deletion of an install's objects, the last one first; wait for none (contract 2.7)."""
        for item in reversed(objects):
            await self.delete(await self._placed(item, install.namespace))

    async def are_ready(self, objects: Iterable[Object], install: Install) -> bool:
        """Tell whether every object that does something is there, and ready in the sense of its kind."""
        for item in objects:
            if item["kind"] not in WEIGHED:
                continue
            live = await self.get(await self._placed(item, install.namespace))
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

    async def _apply(self, item: Object) -> None:
        try:
            await self._client.apply(item, field_manager=FIELD_MANAGER)
        except ConflictError:
            await self._client.apply(item, field_manager=FIELD_MANAGER, force=True)

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
