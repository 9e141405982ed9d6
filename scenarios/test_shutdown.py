"""The manager is stopped: what it provisioned stays, and the next one takes it up."""

from collections.abc import Callable

from kubeloop.kinds import DEPLOYMENT, POD, STATEFUL_SET
from kubeloop.resource import Object
from kyma_harness import Api, KymaHandle
from scenarios.eventing import WORKLOADS, Eventing
from scenarios.jetstream import JetStream

MANAGER = "eventing-controller-manager"


def test_a_manager_that_is_stopped_leaves_nats_and_its_messages_to_the_next(
    enabled: Eventing,
    kyma: KymaHandle,
    api: Api,
    jetstream: JetStream,
    eventually: Callable[..., list[Object]],
) -> None:
    """A rollout or a drained node stops managers every day: nothing may come of it."""
    before = api.get(STATEFUL_SET, "eventing-nats", WORKLOADS)
    jetstream.publish(b"before the stop")
    stopped = _the_manager(api, eventually)

    api.delete(POD, stopped["metadata"]["name"], WORKLOADS)

    api.expect(POD, stopped["metadata"]["name"], WORKLOADS).to_be_gone()
    api.expect(DEPLOYMENT, MANAGER, WORKLOADS).to_be_ready()
    after = api.get(STATEFUL_SET, "eventing-nats", WORKLOADS)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert jetstream.consume(1) == [b"before the stop"]
    enabled.expect().to_have_state("Ready")
    kyma.expect().to_have_state("Ready")


def test_the_next_manager_does_what_was_asked_for_while_none_ran(
    enabled: Eventing, api: Api, eventually: Callable[..., list[Object]]
) -> None:
    """The Eventing is edited while the manager is away: whoever comes next reads it."""
    stopped = _the_manager(api, eventually)
    api.delete(POD, stopped["metadata"]["name"], WORKLOADS)
    enabled.switch("eventmesh")

    status = enabled.expect().to_have_state("Ready")["status"]

    assert status["activeBackend"] == "eventmesh"
    assert enabled.nats_objects() == []


def _the_manager(api: Api, eventually: Callable[..., list[Object]]) -> Object:
    """Return the manager's pod, once that of an earlier installation has gone."""

    def the_only_one() -> list[Object]:
        pods = api.pods_of(MANAGER, WORKLOADS)
        assert len(pods) == 1
        return pods

    return eventually(the_only_one, "one pod of the manager", within=60)[0]
