"""Clients of the NATS that the manager provisions."""

import asyncio
import base64
from contextlib import asynccontextmanager

import nats
from manager_builders import NAMESPACE
from manager_watching import PATIENCE

from eventing_manager.api.names import NATS_SECRET
from kubeloop.client import Client
from kubeloop.kinds import SECRET


async def credentials(cluster):
    """Return what a client connects with, as keyword arguments."""
    async with Client.from_kubeconfig(cluster.kubeconfig) as client:
        secret = await client.get(SECRET, NATS_SECRET, NAMESPACE)
    user, password = (base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))
    return {"user": user, "password": password}


@asynccontextmanager
async def connected(cluster, **options):
    """Yield a connection to NATS, which is there but may restart."""
    address = await cluster.address_of(NAMESPACE, "eventing-nats", 4222)
    connection = await nats.connect(
        f"nats://{address}", connect_timeout=PATIENCE, max_reconnect_attempts=5,
        **await credentials(cluster), **options,
    )  # fmt: skip
    try:
        yield connection
    finally:
        await connection.close()


async def publish(cluster, count):
    """Publish messages to a stream that nobody reads."""
    async with connected(cluster) as connection:
        jetstream = connection.jetstream(timeout=PATIENCE)
        await jetstream.add_stream(name="orders", subjects=["orders.>"])
        for number in range(count):
            await jetstream.publish(f"orders.{number}", b"x")


async def refusals_of_publishing(cluster):
    """Try to publish; return what the server says, which it does beside the answer that never comes."""
    said = asyncio.Queue()
    async with connected(cluster, error_cb=said.put) as connection:
        await connection.publish("orders.late", b"x")
        async with asyncio.timeout(PATIENCE):
            # What an attempt to connect met is told here, too.
            while "permissions violation" not in (text := str(await said.get())).lower():
                pass
            return text


async def receive_all(cluster):
    """Receive and acknowledge what the stream holds; return how much that was."""
    async with connected(cluster) as connection:
        jetstream = connection.jetstream(timeout=PATIENCE)
        held = (await jetstream.stream_info("orders")).state.messages
        reader = await jetstream.pull_subscribe("orders.>", "reader")
        for message in await reader.fetch(held, timeout=PATIENCE):
            await message.ack_sync(timeout=PATIENCE)
        return held
