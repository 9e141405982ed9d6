"""What others install comes and goes: the module makes use of it, does without it, and says so."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from kubeloop.errors import NotFoundError
from kubeloop.kinds import CRD, SECRET
from kubeloop.resource import Kind, Object
from kyma_harness import Api, KymaHandle
from scenarios.eventing import WORKLOADS, Eventing

DESTINATION_RULE = Kind.parse("networking.istio.io/v1beta1", "DestinationRule")
SERVICE_MONITOR = Kind.parse("monitoring.coreos.com/v1", "ServiceMonitor")
BINDING = {"name": "eventing-backend", "namespace": WORKLOADS}


@pytest.fixture
def install(api: Api) -> Iterator[Callable[[Object], None]]:
    """Give a way to create an object that is there for the test alone."""
    installed: list[tuple[Kind, str, str | None]] = []

    def call(obj: Object) -> None:
        metadata = obj["metadata"]
        where = (Kind.of(obj), metadata["name"], metadata.get("namespace"))
        if api.find(*where):
            pytest.skip(f"{where[0].kind} {where[1]} is installed here already")
        api.create(obj)
        installed.append(where)

    yield call
    for where in installed:
        with suppress(NotFoundError):  # the test itself may have deleted it
            api.delete(*where)
        api.expect(*where).to_be_gone()


@pytest.mark.parametrize("kind", [DESTINATION_RULE, SERVICE_MONITOR], ids=lambda kind: str(kind.kind))
def test_a_kind_that_others_install_is_used_while_it_is_served(
    enabled: Eventing, kyma: KymaHandle, api: Api, install: Callable[[Object], None], kind: Kind
) -> None:
    """Its object comes with the kind and goes with it, and the module is Ready all the while."""
    enabled.expect_dependency(kind.kind, "KindsAbsent")

    install(_definition(kind))

    enabled.expect_dependency(kind.kind, "Satisfied")
    api.expect(kind, "eventing-nats", WORKLOADS).to_exist()
    api.delete(CRD, f"{_plural(kind)}.{kind.group}")
    without = enabled.expect_dependency(kind.kind, "KindsAbsent")
    assert without["status"]["state"] == "Ready"
    kyma.expect().to_have_state("Ready")


def test_eventmesh_is_ready_while_its_secret_can_be_used(
    enabled: Eventing, api: Api, install: Callable[[Object], None]
) -> None:
    """Absent, malformed and good again: each heals by itself, and each is named."""
    enabled.switch("eventmesh", eventmesh={"secretRef": BINDING})
    missing = enabled.expect_dependency("Secret", "SecretMissing")

    install({"apiVersion": "v1", "kind": "Secret", "metadata": BINDING, "data": {}})

    enabled.expect_dependency("Secret", "SecretMalformed")
    api.patch(SECRET, BINDING["name"], WORKLOADS, {"data": _binding()})
    enabled.expect_dependency("Secret", "Satisfied")
    assert missing["status"]["state"] == "Warning"
    enabled.expect().to_have_state("Ready")


def _plural(kind: Kind) -> str:
    return f"{kind.kind.lower()}s"


def _definition(kind: Kind) -> Object:
    """Return a definition of the kind that takes every object."""
    names = {"plural": _plural(kind), "kind": kind.kind, "listKind": f"{kind.kind}List"}
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": kind.version, "served": True, "storage": True, "schema": anything}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{_plural(kind)}.{kind.group}"},
        "spec": {"group": kind.group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _binding() -> dict[str, str]:
    """Return the data of a Secret as a service binding of SAP Event Mesh writes it."""
    oauth = {
        "clientid": "id",
        "clientsecret": "secret",
        "granttype": "client_credentials",
        "tokenendpoint": "https://token.example.com",
    }
    broker = {"broker": {"type": "saprestmgw"}, "uri": "https://publish.example.com", "oa2": oauth}
    keys = {"namespace": "/example/kyma/1", "messaging": json.dumps([broker])}
    return {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
