"""Every accepted message is consumed, whatever becomes of NATS and its manager meanwhile."""

import pytest
from proof_messages import Traffic
from proof_objects import NAMESPACE, eventing
from proof_phases import PROVISION, REMOVAL, SWITCH, SWITCH_BACK

from controller.kinds import PERSISTENT_VOLUME_CLAIM

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 10_000


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_every_accepted_message_is_consumed_through_switches_kills_and_removals(cluster, rig, say):
    retained = eventing(storage={"reclaimPolicy": "Retain"})
    traffic = Traffic(cluster)
    rounds = 0

    async with traffic.flowing(MANY) as publishing:
        while not publishing.done():
            rounds += 1
            await rig.client.create(retained)
            rig.manager.kill()
            await PROVISION.settled(rig.client)
            await SWITCH.act(rig.client)
            rig.manager.kill()
            await SWITCH.settled(rig.client)
            await SWITCH_BACK.act(rig.client)
            await SWITCH_BACK.settled(rig.client)
            await REMOVAL.act(rig.client)
            await REMOVAL.settled(rig.client)
    await rig.client.delete(PERSISTENT_VOLUME_CLAIM, "data-eventing-nats-0", namespace=NAMESPACE)

    say("rounds, redelivered", (rounds, len(traffic.redelivered)))
    assert rounds > 1
    assert set(traffic.consumed) == set(range(MANY))
    assert {number for number, times in traffic.consumed.items() if times > 1} <= traffic.redelivered
