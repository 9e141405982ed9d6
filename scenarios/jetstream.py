"""A client of the NATS that the module provisions."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import nats
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy

from kubeloop.kinds import SECRET
from kyma_harness import Api, Portal, Reach
from scenarios.eventing import WORKLOADS

STREAM, SUBJECTS, SUBJECT = "scenario", "scenario.>", "scenario.order.created"
PATIENCE = 60
"""Seconds; NATS that does not answer for so long on a busy machine has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the NATS of the cluster answers this host, and with what it lets clients in."""

    url: str
    user: str
    password: str


class JetStream:
    """One stream in the cluster's NATS; each message stays until its consumer has acknowledged it."""

    def __init__(self, portal: Portal, api: Api, reach: Reach) -> None:
        self._portal = portal
        self._api = api
        self._reach = reach
        self.undelivered = 0

    def publish(self, *payloads: bytes, replicas: int = 1) -> None:
        """Publish messages and wait until the server has each; the stream is made where it is not there."""
        with self._server() as server:
            self.undelivered += len(payloads)
            self._portal.call(_publish(server, payloads, replicas))

    def replicas(self) -> list[str]:
        """Return the servers that hold the stream."""
        with self._server() as server:
            return self._portal.call(_replicas(server))

    def consume(self, count: int) -> list[bytes]:
        """Receive and acknowledge so many messages, and return what they carry."""
        with self._server() as server:
            received = self._portal.call(_consume(server, count))
        self.undelivered -= len(received)
        return received

    @contextmanager
    def _server(self) -> Iterator[Server]:
        secret = self._api.get(SECRET, "eventing-nats-auth", WORKLOADS)
        user, password = (base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))
        with self._reach(WORKLOADS, "eventing-nats", 4222) as address:
            yield Server(url=f"nats://{address}", user=user, password=password)


async def _publish(server: Server, payloads: tuple[bytes, ...], replicas: int) -> None:
    async with _jetstream(server) as jetstream:
        await jetstream.add_stream(
            name=STREAM, subjects=[SUBJECTS], retention=RetentionPolicy.WORK_QUEUE, num_replicas=replicas
        )
        for payload in payloads:
            await jetstream.publish(SUBJECT, payload)


async def _replicas(server: Server) -> list[str]:
    async with _jetstream(server) as jetstream:
        cluster = (await jetstream.stream_info(STREAM)).cluster
    names = [cluster.leader, *(peer.name for peer in cluster.replicas or ())] if cluster else []
    return sorted(name for name in names if name)


async def _consume(server: Server, count: int) -> list[bytes]:
    async with _jetstream(server) as jetstream:
        subscription = await jetstream.pull_subscribe(SUBJECTS, durable="reader")
        messages = await subscription.fetch(count, timeout=PATIENCE)
        for message in messages:
            await message.ack_sync(timeout=PATIENCE)
        return [message.data for message in messages]


@asynccontextmanager
async def _jetstream(server: Server) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(
        server.url,
        user=server.user,
        password=server.password,
        connect_timeout=PATIENCE,
        max_reconnect_attempts=5,
    )
    try:
        yield client.jetstream(timeout=PATIENCE)
    finally:
        await client.close()
