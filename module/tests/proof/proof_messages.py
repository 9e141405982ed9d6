"""A publisher that counts and a consumer that counts, over a NATS that comes and goes."""

import asyncio
import base64
from collections import Counter
from contextlib import asynccontextmanager, suppress

import nats
import nats.errors
from nats.js.api import ConsumerConfig, RetentionPolicy
from proof_objects import NAMESPACE

from kubeloop.errors import NotFoundError
from kubeloop.kinds import SECRET
from kyma_harness.embedded.addresses import service_address
from kyma_harness.embedded.errors import NoAddressError

SUBJECT, STREAM, READER = "counted.one", "counted", "reader"
PAUSE = 0.05
AT_ONCE, BETWEEN = 10, 0.03
"""Messages under way together, and seconds between such: there is always one that NATS might lose."""

ANSWER = 2.0
"""Seconds; who waits longer for NATS tries again: the next one may have another address."""

GONE = (nats.errors.Error, NoAddressError, NotFoundError, OSError, asyncio.TimeoutError)


@asynccontextmanager
async def connected(cluster, answer=ANSWER):
    """Connect as clients do, with what stands in the Secret; gives JetStream that has so long to answer."""
    address = await service_address(cluster.kubeconfig, namespace=NAMESPACE, name="eventing-nats", port=4222)
    secret = await cluster.client.get(SECRET, "eventing-nats-auth", NAMESPACE)
    user, password = (base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))
    connection = nats.NATS()
    try:
        # Inside: one that fails to connect has to be closed, too.
        await connection.connect(
            f"nats://{address}", user=user, password=password,
            allow_reconnect=False, max_reconnect_attempts=1, connect_timeout=answer, error_cb=_ignore,
        )  # fmt: skip
        yield connection.jetstream(timeout=answer)
    finally:
        await connection.close()


class Traffic:
    """Publish numbers until told to stop, each until it is accepted, and consume whatever there is."""

    def __init__(self, cluster):
        self.accepted = set()
        self.tries = Counter()
        self.consumed = Counter()
        self.redelivered = set()
        self._cluster = cluster

    @asynccontextmanager
    async def flowing(self, total):
        """Let it flow while the block runs; gives the task that ends when as many were accepted."""
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(self._again(self._publish, total))
            # To the very end: a message whose acknowledgement was lost is delivered once more.
            consuming = tasks.create_task(self._again(self._consume, total))
            yield publishing
            consuming.cancel()

    @property
    def tried_again(self):
        """The messages of which JetStream may have taken in an earlier copy without a word."""
        return {number for number, tries in self.tries.items() if tries > 1}

    async def grows(self, by, total):
        """Wait until so many more messages are accepted, or all there will be."""
        wanted = min(len(self.accepted) + by, total)
        while len(self.accepted) < wanted:  # noqa: ASYNC110 - the publisher is not to be held up by who counts
            await asyncio.sleep(PAUSE)

    async def _again(self, work, total):
        """Work on a connection, and on the next one when NATS has gone."""
        is_over = False
        while not is_over:
            with suppress(*GONE):
                async with connected(self._cluster) as jetstream:
                    is_over = await work(jetstream, total)
            await asyncio.sleep(PAUSE)

    async def _publish(self, jetstream, total):
        await jetstream.add_stream(name=STREAM, subjects=[SUBJECT], retention=RetentionPolicy.LIMITS)
        while missing := sorted(set(range(total)) - self.accepted)[:AT_ONCE]:
            answers = await asyncio.gather(
                *(self._publish_one(jetstream, number) for number in missing), return_exceptions=True
            )
            for error in filter(None, answers):
                raise error
            await asyncio.sleep(BETWEEN)
        return True

    async def _publish_one(self, jetstream, number):
        # The same id again where an answer was lost: as long as the stream lives, that makes one message.
        self.tries[number] += 1
        await jetstream.publish(SUBJECT, str(number).encode(), headers={"Nats-Msg-Id": str(number)})
        self.accepted.add(number)

    async def _consume(self, jetstream, _total):
        # What was delivered to a connection that went is soon delivered again.
        patience = ConsumerConfig(ack_wait=2 * ANSWER)
        subscription = await jetstream.pull_subscribe(SUBJECT, durable=READER, stream=STREAM, config=patience)
        while True:
            # A time-out leads to a new connection: NATS may have gone without a word.
            for message in await subscription.fetch(100, timeout=ANSWER):
                self._note(message)
                await message.ack_sync(timeout=ANSWER)

    def _note(self, message):
        number = int(message.data)
        self.consumed[number] += 1
        if message.metadata.num_delivered > 1:
            self.redelivered.add(number)


async def _ignore(_error):
    """Take no note: the loop around it connects anew."""
