"""A client of the NATS that the module provisions."""

import base64

import nats

from controller.resource import Object


async def round_trip_through(url: str, secret: Object, payload: bytes) -> bytes:
    """Publish a message to a stream of its own, consume it, and take the stream away again.

    ``secret`` is the one that the manager generates for clients.
    """
    user, password = (base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))
    client = await nats.connect(
        url, user=user, password=password, connect_timeout=5, max_reconnect_attempts=5
    )
    try:
        jetstream = client.jetstream(timeout=10)
        await jetstream.add_stream(name="scenario", subjects=["scenario.>"])
        try:
            subscription = await jetstream.subscribe("scenario.>", durable="reader")
            await jetstream.publish("scenario.order.created", payload)
            message = await subscription.next_msg(timeout=10)
            await message.ack()
            return message.data
        finally:
            await jetstream.delete_stream("scenario")
    finally:
        await client.close()
