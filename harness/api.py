"""Ask the Kubernetes API from ordinary test functions, and expect things of its objects."""

import json
from typing import Any

from controller.client import Client
from controller.errors import NotFoundError
from controller.kinds import DEPLOYMENT, POD
from controller.resource import Kind, Object, describe
from harness.blocking import Portal
from harness.expectation import Expectation
from harness.observe.inventory import Inventory, take_inventory
from harness.observe.observer import Observer
from harness.observe.target import Target

__all__ = ["Api", "Expectation"]


class Api:
    """The cluster's API as its administrator sees it: plain dictionaries in and out, errors as raised."""

    def __init__(self, portal: Portal, client: Client, observer: Observer | None = None) -> None:
        self._portal = portal
        self._client = client
        self._observer = observer

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
        created = self._portal.call(self._client.create(obj))
        self.mark(f"create {describe(created)}")
        return created

    def patch(self, kind: Kind, name: str, namespace: str | None, patch: dict[str, Any]) -> Object:
        """Merge a patch into an object and return it."""
        self.mark(f"patch {Target(kind=kind, name=name, namespace=namespace)}")
        return self._portal.call(self._client.merge_patch(kind, name, patch, namespace=namespace))

    def patch_status(self, kind: Kind, name: str, namespace: str | None, status: dict[str, Any]) -> Object:
        """Merge into an object's status, as its controller would."""
        self.mark(f"patch the status of {Target(kind=kind, name=name, namespace=namespace)}")
        patching = self._client.merge_patch(
            kind, name, {"status": status}, namespace=namespace, subresource="status"
        )
        return self._portal.call(patching)

    def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Ask for an object's deletion, and do not wait for it; ``NotFoundError`` where there is none."""
        self.mark(f"delete {Target(kind=kind, name=name, namespace=namespace)}")
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

    def log_of(self, deployment: str, namespace: str) -> list[Object]:
        """Return the JSON lines that the pods of a Deployment have logged, oldest first within each pod."""
        selector = self.get(DEPLOYMENT, deployment, namespace)["spec"]["selector"]["matchLabels"]
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        pods = [pod["metadata"]["name"] for pod in self.all(POD, namespace, labels)]
        lines = [line for pod in pods for line in self._pod_log(pod, namespace).splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def mark(self, what: str) -> None:
        """Note in the ledger that something is done now."""
        if self._observer is not None:
            self._observer.steps.mark(what)

    def _pod_log(self, pod: str, namespace: str) -> str:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        answer = self._portal.call(self._client.request("GET", path))
        return answer if isinstance(answer, str) else json.dumps(answer)
