"""Clients of the NATS that the manager provisions."""

import nats
from manager_builders import NAMESPACE


async def publish(cluster, count):
    """Publish messages to a stream that nobody reads."""
    address = await cluster.address_of(NAMESPACE, "eventing-nats", 4222)
    connection = await nats.connect(f"nats://{address}", max_reconnect_attempts=5)
    jetstream = connection.jetstream()
    await jetstream.add_stream(name="orders", subjects=["orders.>"])
    for number in range(count):
        await jetstream.publish(f"orders.{number}", b"x")
    await connection.close()
