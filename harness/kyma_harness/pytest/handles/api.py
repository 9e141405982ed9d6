"""Ask the Kubernetes API from ordinary test functions, and expect things of its objects."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import NotFoundError
from kubeloop.resource import Kind, Object, ObjectKey, describe
from kyma_harness.host.blocking import Portal
from kyma_harness.kube.inventory import Inventory, take_inventory
from kyma_harness.kube.logrecords import records_of
from kyma_harness.kube.workload import pods_of
from kyma_harness.pytest.handles.expectation import Expectation
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.target import Target

__all__ = ["Api", "Expectation"]


class Api:
    """The cluster's API as its administrator sees it: plain dictionaries in and out, errors as raised."""

    def __init__(self, portal: Portal, client: Client, observer: Observer | None = None) -> None:
        self._portal = portal
        self._client = client
        self._observer = observer

    @property
    def observer(self) -> Observer | None:
        """Who looks on while somebody waits, where there is one."""
        return self._observer

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """Return an object; ``NotFoundError`` where there is none."""
        return self._portal.call(self._client.get(kind, name, namespace))

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return an object, or nothing where there is none."""
        try:
            return self.get(kind, name, namespace)
        except NotFoundError:
            return None

    def create(self, obj: Object) -> Object:
        """Create an object and return it as the server has it."""
        named = {**obj["metadata"], "name": obj["metadata"].get("name", obj["metadata"].get("generateName"))}
        with self.acting(f"create {describe({**obj, 'metadata': named})}"):
            return self._portal.call(self._client.create(obj))

    def patch(self, kind: Kind, name: str, namespace: str | None, patch: dict[str, Any]) -> Object:
        """Merge a patch into an object and return it."""
        with self.acting(f"patch {Target(kind=kind, name=name, namespace=namespace)}"):
            return self._portal.call(self._client.merge_patch(kind, name, patch, namespace=namespace))

    def patch_status(self, kind: Kind, name: str, namespace: str | None, status: dict[str, Any]) -> Object:
        """Merge into an object's status, as its controller would."""
        patching = self._client.merge_patch(
            kind, name, {"status": status}, namespace=namespace, subresource="status"
        )
        with self.acting(f"patch the status of {Target(kind=kind, name=name, namespace=namespace)}"):
            return self._portal.call(patching)

    def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Ask for an object's deletion, and do not wait for it; ``NotFoundError`` where there is none."""
        with self.acting(f"delete {Target(kind=kind, name=name, namespace=namespace)}"):
            self._portal.call(self._client.delete(kind, name, namespace=namespace))

    def all(self, kind: Kind, namespace: str | None = None, labels: str | None = None) -> list[Object]:
        """Return the objects of a kind, all namespaces unless one is given; ``labels`` is a selector."""
        return self._portal.call(self._client.list(kind, namespace=namespace, label_selector=labels)).items

    def expect(self, kind: Kind, name: str, namespace: str | None = None) -> Expectation:
        """Expect something of an object, which need not exist yet."""
        target = Target(kind=kind, name=name, namespace=namespace)
        return Expectation(self._portal, self._client, target, self._observer)

    def inventory(self) -> Inventory:
        """Take stock of every object of the cluster."""
        return self._portal.call(take_inventory(self._client))

    def pods_of(self, deployment: str, namespace: str) -> list[Object]:
        """Return the pods of a Deployment; ``NotFoundError`` where there is none of that name."""
        return self._portal.call(pods_of(self._client, ObjectKey(name=deployment, namespace=namespace)))

    def log_of(self, deployment: str, namespace: str) -> list[Object]:
        """Return the JSON lines that the pods of a Deployment have logged, oldest first."""
        reading = records_of(self._client, ObjectKey(name=deployment, namespace=namespace))
        return [dict(record.fields) for record in self._portal.call(reading)]

    def acting(self, what: str) -> AbstractContextManager[object]:
        """Note in the ledger that the test does something to the cluster while the block runs."""
        return self._observer.steps.step(what, is_act=True) if self._observer else nullcontext()
