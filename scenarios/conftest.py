"""What the Eventing scenarios share."""

from collections.abc import Callable

import pytest

from controller.kinds import SECRET
from harness.api import Api
from harness.blocking import Portal
from harness.handle import KymaHandle, Reach
from scenarios.eventing import WORKLOADS, Eventing
from scenarios.jetstream import round_trip_through


@pytest.fixture
def eventing(kyma: KymaHandle) -> Eventing:
    """Give the module's custom resource in the cluster that ``kyma`` speaks of."""
    return Eventing(api=kyma.api)


@pytest.fixture
def round_trip(reach: Reach, portal: Portal, api: Api) -> Callable[[bytes], bytes]:
    """Publish a message to the JetStream that runs in the cluster, and bring it back."""

    def call(payload: bytes) -> bytes:
        secret = api.get(SECRET, "eventing-nats-auth", WORKLOADS)
        with reach(WORKLOADS, "eventing-nats", 4222) as address:
            return portal.call(round_trip_through(f"nats://{address}", secret, payload))

    return call
