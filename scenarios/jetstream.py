"""A client of the NATS that the module provisions."""

import nats


async def round_trip_through(url: str, payload: bytes) -> bytes:
    """Publish a message to a stream of its own, consume it, and take the stream away again."""
    client = await nats.connect(url, connect_timeout=5, max_reconnect_attempts=5)
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
