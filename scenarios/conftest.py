"""What the Eventing scenarios share."""

from collections.abc import Iterator

import pytest

from kyma_harness import Api, KymaHandle, Portal, Reach
from scenarios.eventing import Eventing
from scenarios.jetstream import JetStream


@pytest.fixture
def eventing(kyma: KymaHandle) -> Eventing:
    """Give the module's custom resource in the cluster that ``kyma`` speaks of."""
    return Eventing(api=kyma.api)


@pytest.fixture
def enabled(kyma: KymaHandle, eventing: Eventing) -> Eventing:
    """Give the module with its default backend, Ready."""
    kyma.enable("eventing", channel="alpha")
    eventing.expect().to_have_state("Ready")
    kyma.expect().to_have_state("Ready")
    return eventing


@pytest.fixture
def jetstream(eventing: Eventing, reach: Reach, portal: Portal, api: Api) -> Iterator[JetStream]:
    """Give a stream in the NATS that runs in the cluster; messages that are left in it go with NATS."""
    stream = JetStream(portal, api, reach)
    yield stream
    if stream.undelivered:
        eventing.discard_undelivered()
