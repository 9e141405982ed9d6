"""Every accepted message is consumed, whatever becomes of NATS and its manager meanwhile."""

from contextlib import suppress

import pytest
from proof_messages import Traffic
from proof_objects import NAMESPACE, eventing
from proof_phases import PROVISION, REMOVAL, SWITCH, SWITCH_BACK

from kubeloop.errors import NotFoundError
from kubeloop.kinds import PVC

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY, PORTIONS = 10_000, 8
"""Messages, and removals of NATS that they are spread over."""


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_every_accepted_message_is_consumed_while_its_publisher_never_stops(cluster, rig, say, policy):
    wanted = eventing(storage={"reclaimPolicy": policy})
    traffic = Traffic(cluster)
    rounds = 0

    async with traffic.flowing(MANY) as publishing:
        while not publishing.done():
            rounds += 1
            await rig.client.create(wanted)
            rig.manager.kill()
            await PROVISION.settled(rig.client)
            await traffic.grows(MANY // PORTIONS, MANY)
            await SWITCH.act(rig.client)
            rig.manager.kill()
            await SWITCH.settled(rig.client)
            await SWITCH_BACK.act(rig.client)
            await SWITCH_BACK.settled(rig.client)
            await traffic.grows(MANY // PORTIONS, MANY)
            await REMOVAL.act(rig.client)
            await REMOVAL.settled(rig.client)
    with suppress(NotFoundError):
        await rig.client.delete(PVC, "data-eventing-nats-0", namespace=NAMESPACE)

    more_than_once = {number for number, times in traffic.consumed.items() if times > 1}
    say(f"{policy}: rounds, redelivered", (rounds, len(traffic.redelivered)))
    assert rounds > 1
    assert sorted(set(range(MANY)) - set(traffic.consumed)) == []
    assert more_than_once <= traffic.redelivered | traffic.tried_again
