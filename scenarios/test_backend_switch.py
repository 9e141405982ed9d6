"""The backend is switched in the Eventing resource: NATS goes, comes back, and the Kyma stays Ready."""

from kubeloop.kinds import STATEFUL_SET
from kubeloop.resource import Object
from kyma_harness import Api, KymaHandle
from scenarios.eventing import WORKLOADS, Eventing
from scenarios.jetstream import JetStream


def test_switching_to_eventmesh_takes_every_object_of_nats_away(enabled: Eventing, kyma: KymaHandle) -> None:
    """Ready is said only when nothing of NATS is left, the volume included."""
    assert "StatefulSet eventing-nats" in enabled.nats_objects()

    enabled.switch("eventmesh")

    status = enabled.expect().to_have_state("Ready")["status"]
    assert enabled.nats_objects() == []
    assert status["activeBackend"] == "eventmesh"
    kyma.expect().to_have_state("Ready")


def test_switching_back_provisions_nats_anew(
    enabled: Eventing, kyma: KymaHandle, jetstream: JetStream
) -> None:
    """The way back ends where the first way up did, with a JetStream that answers."""
    enabled.switch("eventmesh")
    enabled.expect().to_have_state("Ready")

    enabled.switch("nats")

    enabled.expect().to_have_state("Ready")
    assert "StatefulSet eventing-nats" in enabled.nats_objects()
    kyma.expect().to_have_state("Ready")
    jetstream.publish(b"after the way back")
    assert jetstream.consume(1) == [b"after the way back"]


def test_each_pass_logs_the_backend_it_works_for(enabled: Eventing) -> None:
    """An operator who follows the log sees the switch in it, in the fields of the contract."""
    enabled.switch("eventmesh")
    enabled.expect().to_have_state("Ready")

    passes = enabled.passes()

    backends = [line["backend"] for line in passes]
    assert backends[0] == "nats"
    assert backends[-1] == "eventmesh"
    assert passes[-1]["flags"] == {"backend": {"type": "eventmesh"}}
    assert passes[-1]["eventing"] == {"name": "default-kyma-eventing", "namespace": "kcp-system"}
    assert passes[-1]["controllerKind"] == "Eventing"


def test_an_object_deleted_by_hand_is_restored(enabled: Eventing, api: Api) -> None:
    """Drift is repaired without anyone touching the Eventing resource."""
    lost = api.get(STATEFUL_SET, "eventing-nats", WORKLOADS)

    api.delete(STATEFUL_SET, "eventing-nats", WORKLOADS)

    restored = api.expect(STATEFUL_SET, "eventing-nats", WORKLOADS).to_satisfy(
        lambda seen: seen["metadata"]["uid"] != lost["metadata"]["uid"], "be another object"
    )
    assert restored["spec"]["template"] == lost["spec"]["template"]
    enabled.expect().to_have_state("Ready")


def test_a_switch_waits_for_messages_that_nobody_has_received(
    enabled: Eventing, kyma: KymaHandle, jetstream: JetStream
) -> None:
    """NATS stays until the last message is acknowledged; none of them is lost."""
    jetstream.publish(b"one", b"two", b"three")

    enabled.switch("eventmesh")

    enabled.expect().to_satisfy(
        lambda seen: "3 in stream" in _message_of(seen, "Drained"), "count what is still to be received"
    )
    assert "StatefulSet eventing-nats" in enabled.nats_objects()
    assert jetstream.consume(3) == [b"one", b"two", b"three"]
    enabled.expect().to_have_state("Ready")
    assert enabled.nats_objects() == []
    kyma.expect().to_have_state("Ready")


def _message_of(seen: Object, condition: str) -> str:
    conditions = seen["status"]["conditions"]
    found: str = next((one["message"] for one in conditions if one["type"] == condition), "")
    return found
