"""The cluster of the demonstration: the one that $KUBECONFIG names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeloop.client import Client
from kubeloop.kinds import NAMESPACE
from kubeloop.resource import Kind, ObjectKey
from kyma_harness.host.blocking import Portal
from kyma_harness.pytest.handles.api import Api
from kyma_harness.pytest.observing import Surroundings
from kyma_harness.wait.give_up import Patience
from kyma_harness.wait.relations import Relations

LAMP = Kind.parse("demo.kyma-harness.io/v1", "Lamp")


@pytest.fixture(scope="session")
def _kyma_harness_client(portal: Portal) -> Iterator[Client]:
    opened = Client.from_kubeconfig(Path(os.environ["KUBECONFIG"]))
    yield portal.call(opened.__aenter__())
    portal.call(opened.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def kyma_harness_surroundings() -> Surroundings:
    return Surroundings(
        relations=Relations(finalizers={"demo.kyma-harness.io/lamp": ObjectKey("lamps", "lamp-manager")}),
        facts={"cluster": "the demonstration's"},
    )


@pytest.fixture(scope="session")
def kyma_harness_patience() -> Patience:
    """Give up on what lasts for a second: nothing of the demonstration gets well."""
    return Patience(image=1, crash_loop=0, unschedulable=1, finalizer=1, state=1, restarts=1)


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    created = api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "demo-"}})
    name = created["metadata"]["name"]
    api.expect(Kind.parse("v1", "ServiceAccount"), "default", name).to_exist()
    yield name
    api.delete(NAMESPACE, name)
