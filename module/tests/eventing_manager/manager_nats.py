"""Clients of the NATS that the manager provisions."""

import base64

import nats
from manager_builders import NAMESPACE

from controller.client import Client
from controller.kinds import SECRET
from eventing_manager.names import NATS_SECRET


async def credentials(cluster):
    """Return what a client connects with, as keyword arguments."""
    async with Client.from_kubeconfig(cluster.kubeconfig) as client:
        secret = await client.get(SECRET, NATS_SECRET, NAMESPACE)
    user, password = (base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))
    return {"user": user, "password": password}


async def publish(cluster, count):
    """Publish messages to a stream that nobody reads."""
    address = await cluster.address_of(NAMESPACE, "eventing-nats", 4222)
    connection = await nats.connect(
        f"nats://{address}", max_reconnect_attempts=5, **await credentials(cluster)
    )
    jetstream = connection.jetstream()
    await jetstream.add_stream(name="orders", subjects=["orders.>"])
    for number in range(count):
        await jetstream.publish(f"orders.{number}", b"x")
    await connection.close()
