"""Messages in streams of either retention: published, received, and still there."""

from nats.js.api import RetentionPolicy
from nats.js.errors import NotFoundError
from proof_messages import connected
from proof_model import LOG, WORK_QUEUE

RETENTION = {LOG: RetentionPolicy.LIMITS, WORK_QUEUE: RetentionPolicy.WORK_QUEUE}
READER = "reader"
ANSWER = 60.0
"""Seconds until a message that has to be there must have come."""


class Mailbox:
    """A client of NATS that connects for each errand: between two NATS may have gone and come back."""

    def __init__(self, cluster):
        self._cluster = cluster

    async def publish(self, stream, numbers):
        """Publish messages, and return when each is accepted."""
        async with connected(self._cluster, ANSWER) as jetstream:
            await jetstream.add_stream(name=stream, subjects=[stream], retention=RETENTION[stream])
            for number in numbers:
                await jetstream.publish(stream, str(number).encode())

    async def receive(self, messages):
        """Receive and acknowledge until all of these have come."""
        async with connected(self._cluster, ANSWER) as jetstream:
            for stream in sorted({stream for stream, _ in messages}):
                await _receive(jetstream, stream, {number for one, number in messages if one == stream})

    async def held(self):
        """Return every message that is there."""
        async with connected(self._cluster, ANSWER) as jetstream:
            return {(stream, number) for stream in RETENTION for number in await _held(jetstream, stream)}


async def _receive(jetstream, stream, missing):
    subscription = await jetstream.pull_subscribe(stream, durable=READER, stream=stream)
    while missing:
        for message in await subscription.fetch(len(missing), timeout=ANSWER):
            await message.ack_sync(timeout=ANSWER)
            missing.discard(int(message.data))


async def _held(jetstream, stream):
    try:
        state = (await jetstream.stream_info(stream)).state
        return [
            int((await jetstream.get_msg(stream, sequence)).data)
            for sequence in range(state.first_seq, state.last_seq + 1)
            if state.messages
        ]
    except NotFoundError:
        return []
