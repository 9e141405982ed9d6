"""Three NATS servers form a cluster: they find one another by name, and a stream has a replica on each."""

from kubeloop.kinds import STATEFUL_SET
from kyma_harness import Api
from scenarios.eventing import WORKLOADS, Eventing
from scenarios.jetstream import JetStream


def test_three_servers_form_a_cluster_that_replicates_a_stream(
    enabled: Eventing, api: Api, jetstream: JetStream
) -> None:
    """The number of servers cannot change while NATS runs, so it goes before three of them come."""
    enabled.switch("eventmesh")
    enabled.expect().to_have_state("Ready")

    enabled.switch("nats", nats={"replicas": 3})

    enabled.expect().to_have_state("Ready")
    servers = api.get(STATEFUL_SET, "eventing-nats", WORKLOADS)
    assert servers["status"]["readyReplicas"] == 3
    jetstream.publish(b"one", b"two", replicas=3)
    assert jetstream.replicas() == ["eventing-nats-0", "eventing-nats-1", "eventing-nats-2"]
    assert jetstream.consume(2) == [b"one", b"two"]
