"""The module is added to a Kyma and removed again: what comes, what goes, what stays."""

from collections.abc import Callable

from kubeloop.kinds import CRD, DEPLOYMENT
from kyma_harness import Api, Choice, KymaHandle, Testbed
from scenarios.eventing import EVENTING, NAMESPACE, WORKLOADS, Eventing
from scenarios.jetstream import JetStream

DEFINITION = "eventings.operator.kyma-project.io"
RECREATED = {
    Choice.BUILTIN: set[str](),
    # A pass that is under way when the removal ends may create the CRD again: a known bug of the date.
    Choice.REAL: {f"CustomResourceDefinition.apiextensions.k8s.io {DEFINITION}"},
}


def test_an_added_module_turns_ready_and_its_jetstream_keeps_what_is_published(
    kyma: KymaHandle, eventing: Eventing, jetstream: JetStream
) -> None:
    """Kyma → Manifest → manager → NATS, and a message that comes back from it."""
    kyma.enable("eventing", channel="alpha")

    resource = eventing.expect().to_have_state("Ready")
    status = kyma.expect().to_have_state("Ready")["status"]

    assert resource["metadata"]["finalizers"] == ["eventing-manager.kyma-project.io/deletion-hook"]
    assert resource["metadata"]["labels"]["operator.kyma-project.io/kyma-name"] == "eventing-sample"
    assert [module["moduleName"] for module in status["moduleStatus"]] == ["eventing"]
    jetstream.publish(b"an order")
    assert jetstream.consume(1) == [b"an order"]


def test_a_removed_module_leaves_nothing_of_itself(
    kyma: KymaHandle, eventing: Eventing, api: Api, testbed: Testbed, eventually: Callable[..., object]
) -> None:
    """The custom resource goes first, then NATS, then the bundle with its cluster-scoped objects."""

    def nothing_is_left() -> bool:
        assert set(api.inventory().beyond(before)) <= RECREATED[testbed.managers.pair]
        return True

    before = api.inventory()
    kyma.enable("eventing", channel="alpha")
    eventing.expect().to_have_state("Ready")
    # module-manager takes the end of a pass that is under way for the end of the removal.
    kyma.expect().to_have_state("Ready")

    kyma.disable("eventing")

    kyma.manifest("eventing").to_be_gone()
    eventing.expect().to_be_gone()
    status = kyma.expect().to_have_state("Ready")["status"]
    assert "moduleStatus" not in status
    assert eventing.nats_objects() == []
    if testbed.managers.pair is Choice.BUILTIN:
        api.expect(CRD, DEFINITION).to_be_gone()
    api.expect(DEPLOYMENT, "eventing-controller-manager", WORKLOADS).to_be_gone()
    # An APIService goes some time after its definition.
    eventually(nothing_is_left, "nothing is left", within=60)


def test_a_second_eventing_is_not_begun_while_the_module_is_being_removed(
    enabled: Eventing, kyma: KymaHandle, api: Api
) -> None:
    """The one that was served goes first; the other one gets nothing that would be left behind."""
    api.create(
        {
            "apiVersion": EVENTING.api_version,
            "kind": EVENTING.kind,
            "metadata": {"name": "another", "namespace": NAMESPACE},
            "spec": {"backend": {"type": "nats"}},
        }
    )
    another = api.expect(EVENTING, "another", NAMESPACE)
    waiting = another.to_have_state("Warning")

    kyma.disable("eventing")

    assert "finalizers" not in waiting["metadata"]
    enabled.expect().to_be_gone()
    another.to_be_gone()
    assert enabled.nats_objects() == []


def test_a_removed_module_can_be_added_again(kyma: KymaHandle, eventing: Eventing) -> None:
    """The second time is like the first: nothing of the first stands in its way."""
    kyma.enable("eventing", channel="alpha")
    first = eventing.expect().to_have_state("Ready")
    kyma.expect().to_have_state("Ready")
    kyma.disable("eventing")
    kyma.manifest("eventing").to_be_gone()
    eventing.expect().to_be_gone()

    kyma.enable("eventing", channel="alpha")

    second = eventing.expect().to_have_state("Ready")
    kyma.expect().to_have_state("Ready")
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
