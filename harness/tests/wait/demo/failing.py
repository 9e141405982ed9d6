"""Tests that fail, each for one reason that its report has to name in the first line.

They are run by ``test_wait_demo.py``, or to look at a report:
``KUBECONFIG=$(kyma-harness kubeconfig) pytest harness/tests/wait/demo/failing.py``.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from demo_objects import a_lamp, a_pod, lamp_definition, workload

from kubeloop.client import Client
from kubeloop.errors import ControllerError, KindAbsentError
from kubeloop.kinds import CONFIG_MAP, CRD, DEPLOYMENT, POD, SECRET
from kubeloop.resource import Kind
from kyma_harness.faults.plan import ApiCall, Delay
from kyma_harness.faults.proxy import ApiProxy
from kyma_harness.host.blocking import Portal
from kyma_harness.kube.logs import ContainerLog, logs_of
from kyma_harness.pytest.handles.api import Api
from kyma_harness.pytest.handles.expectation import Expectation
from kyma_harness.wait.target import Target

LAMP = Kind.parse("demo.kyma-harness.io/v1", "Lamp")


@pytest.fixture
def lamps(api: Api, eventually) -> Iterator[None]:
    api.create(lamp_definition())
    api.expect(CRD, "lamps.demo.kyma-harness.io").to_be_ready()
    # Established comes a moment before discovery knows it.
    eventually(lambda: api.all(LAMP) == [], "lamps are served", tolerate=ControllerError)
    yield
    api.delete(CRD, "lamps.demo.kyma-harness.io")
    api.expect(CRD, "lamps.demo.kyma-harness.io").to_be_gone()
    eventually(lambda: is_absent(api), "lamps are not served", tolerate=ControllerError)


def is_absent(api: Api) -> bool:
    try:
        api.all(LAMP)
    except KindAbsentError:
        return True
    return False


@pytest.fixture
def released(api: Api) -> Iterator[list[tuple[Kind, str, str]]]:
    """Take finalizers off in the end, so that the demonstration leaves nothing."""
    held: list[tuple[Kind, str, str]] = []
    yield held
    for kind, name, namespace in held:
        api.patch(kind, name, namespace, {"metadata": {"finalizers": []}})


def test_a_wrong_image(api: Api, namespace: str) -> None:
    api.create(workload("web", namespace, image="ghcr.io/nobody/nothing:1"))

    api.expect(DEPLOYMENT, "web", namespace).to_be_ready(within=60)


def test_a_crash_loop(api: Api, namespace: str) -> None:
    api.create(workload("web", namespace, command="echo ready to crash; echo no such backend >&2; exit 3"))

    api.expect(DEPLOYMENT, "web", namespace).to_be_ready(within=60)


def test_a_missing_secret(api: Api, namespace: str) -> None:
    api.create(a_pod("web", namespace, envFrom=[{"secretRef": {"name": "absent"}}]))

    api.expect(POD, "web", namespace).to_be_ready(within=60)


def test_a_pod_no_node_can_take(api: Api, namespace: str) -> None:
    api.create(a_pod("web", namespace, resources={"requests": {"cpu": "5000"}}))

    api.expect(POD, "web", namespace).to_be_ready(within=60)


@pytest.mark.usefixtures("lamps")
def test_a_hanging_finalizer(api: Api, namespace: str, released: list[tuple[Kind, str, str]]) -> None:
    api.create(a_lamp("kitchen", namespace, finalizers=["demo.kyma-harness.io/lamp"]))
    released.append((LAMP, "kitchen", namespace))
    api.delete(LAMP, "kitchen", namespace)

    api.expect(LAMP, "kitchen", namespace).to_be_gone(within=60)


def test_a_finalizer_nobody_knows(api: Api, namespace: str, released: list[tuple[Kind, str, str]]) -> None:
    held = {"name": "shelf", "namespace": namespace, "finalizers": ["example.com/unheard-of"]}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    released.append((CONFIG_MAP, "shelf", namespace))
    api.delete(CONFIG_MAP, "shelf", namespace)

    api.expect(CONFIG_MAP, "shelf", namespace).to_be_gone(within=10)


@pytest.mark.usefixtures("lamps")
def test_a_resource_in_error(api: Api, namespace: str) -> None:
    api.create(a_lamp("kitchen", namespace))
    condition = {"type": "Ready", "status": "False", "reason": "BulbBurnt", "message": "no light since noon"}
    api.patch_status(LAMP, "kitchen", namespace, {"state": "Error", "conditions": [condition]})

    api.expect(LAMP, "kitchen", namespace).to_have_state("Ready", within=60)


def test_a_missing_definition(api: Api, namespace: str) -> None:
    api.expect(LAMP, "kitchen", namespace).to_have_state("Ready", within=10)


class Late:
    """Let every call through half a minute late."""

    def meet(self, call: ApiCall) -> Delay:  # noqa: ARG002 - it is the same for all
        return Delay(seconds=30)


@asynccontextmanager
async def slow_client(client: Client, folder: Path) -> AsyncIterator[Client]:
    """Connect to an API server that takes its time."""
    async with await ApiProxy.before(Path(os.environ["KUBECONFIG"])) as proxy:
        kubeconfig = await proxy.kubeconfig_for(client, "default", "default", folder / "kubeconfig")
        with proxy.under(Late()):
            async with Client.from_kubeconfig(kubeconfig) as slow:
                yield slow


@pytest.mark.usefixtures("observer")
def test_a_slow_api(portal: Portal, client: Client, tmp_path: Path) -> None:
    connecting = slow_client(client, tmp_path)
    slow = portal.call(connecting.__aenter__())
    try:
        target = Target(kind=POD, name="web", namespace="default")
        Expectation(portal, slow, target).to_exist(within=10)
    finally:
        portal.call(connecting.__aexit__(None, None, None))


@pytest.mark.usefixtures("lamps")
def test_a_state_that_is_only_late(api: Api, namespace: str) -> None:
    api.create(a_lamp("kitchen", namespace))
    api.patch_status(LAMP, "kitchen", namespace, {"state": "Processing"})

    api.expect(LAMP, "kitchen", namespace).to_have_state("Ready", within=10)


def test_a_plain_assertion(api: Api, namespace: str, portal: Portal, client: Client, eventually) -> None:
    def serving() -> list[ContainerLog]:
        logs = portal.call(logs_of(client, api.all(POD, namespace), since=None))
        return [log for log in logs if "serving" in log.text]

    api.create(workload("web", namespace, command="echo serving; sleep 600"))
    secret = {"name": "door", "namespace": namespace}
    api.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"key": "open sesame"}}
    )
    api.expect(DEPLOYMENT, "web", namespace).to_be_ready()
    eventually(serving, "the log of the pod")

    assert api.get(SECRET, "door", namespace)["data"] == {}


@pytest.fixture
def broken(api: Api, namespace: str) -> None:
    """Fail in the set-up of a test."""
    api.create(a_pod("web", namespace, image="ghcr.io/nobody/nothing:2"))
    api.expect(POD, "web", namespace).to_be_ready(within=60)


@pytest.mark.usefixtures("broken")
def test_a_set_up_that_fails() -> None:
    raise AssertionError("never reached")
