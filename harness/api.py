"""Ask the Kubernetes API from ordinary test functions, and expect things of its objects."""

import json
from collections.abc import Callable
from typing import Any

from controller.client import Client
from controller.errors import NotFoundError
from controller.kinds import DEPLOYMENT, POD
from controller.resource import Kind, Object
from harness.blocking import Portal
from harness.observe import claims
from harness.observe.inventory import Inventory, take_inventory
from harness.observe.waits import Claim, Target, wait_for


class Expectation:
    """What a test expects of one object; each method waits some seconds, then raises ``WaitError``."""

    def __init__(self, portal: Portal, client: Client, target: Target) -> None:
        self._portal = portal
        self._client = client
        self._target = target

    def to_exist(self, *, within: float = 60) -> Object:
        """Wait until there is such an object, and return it."""
        return self._expect(claims.exists(), "exist", within)

    def to_be_gone(self, *, within: float = 60) -> None:
        """Wait until there is no such object any more."""
        self._wait(claims.is_gone(), "be gone", within)

    def to_have_state(self, state: str, *, within: float = 60) -> Object:
        """Wait for a ``status.state`` of the object's present generation."""
        return self._expect(claims.has_state(state), f"have state {state}", within)

    def to_have_condition(self, type_: str, status: str = "True", *, within: float = 60) -> Object:
        """Wait until the condition of a type has a status."""
        return self._expect(claims.has_condition(type_, status), f"have condition {type_}={status}", within)

    def to_satisfy(self, predicate: Callable[[Object], bool], what: str, *, within: float = 60) -> Object:
        """Wait until a predicate holds; ``what`` names it, such as "have no modules"."""
        claim = claims.satisfies(predicate, f"it does not {what} yet")
        return self._expect(claim, what, within)

    def _expect(self, claim: Claim, what: str, within: float) -> Object:
        seen = self._wait(claim, what, within)
        assert seen is not None  # noqa: S101 - the claim holds for an object that exists
        return seen

    def _wait(self, claim: Claim, what: str, within: float) -> Object | None:
        return self._portal.call(wait_for(self._client, self._target, claim, what=what, within=within))


class Api:
    """The cluster's API as its administrator sees it: plain dictionaries in and out, errors as raised."""

    def __init__(self, portal: Portal, client: Client) -> None:
        self._portal = portal
        self._client = client

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
        return self._portal.call(self._client.create(obj))

    def patch(self, kind: Kind, name: str, namespace: str | None, patch: dict[str, Any]) -> Object:
        """Merge a patch into an object and return it."""
        return self._portal.call(self._client.merge_patch(kind, name, patch, namespace=namespace))

    def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Ask for an object's deletion, and do not wait for it; ``NotFoundError`` where there is none."""
        self._portal.call(self._client.delete(kind, name, namespace=namespace))

    def all(self, kind: Kind, namespace: str | None = None, labels: str | None = None) -> list[Object]:
        """Return the objects of a kind, all namespaces unless one is given; ``labels`` is a selector."""
        return self._portal.call(self._client.list(kind, namespace=namespace, label_selector=labels)).items

    def expect(self, kind: Kind, name: str, namespace: str | None = None) -> Expectation:
        """Expect something of an object, which need not exist yet."""
        return Expectation(self._portal, self._client, Target(kind=kind, name=name, namespace=namespace))

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

    def _pod_log(self, pod: str, namespace: str) -> str:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        answer = self._portal.call(self._client.request("GET", path))
        return answer if isinstance(answer, str) else json.dumps(answer)
