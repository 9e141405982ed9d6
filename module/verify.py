"""What is true of a Ready Eventing module, and of no other: its JetStream keeps what is published.

The harness calls :func:`checks` after its own; see ``verify.script`` in ``module.yaml``.
"""

import base64

import nats
from nats.errors import Error as NatsError

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.kinds import SECRET, SERVICE
from kubeloop.resource import Kind
from kyma_harness import Check, Installed

NAMESPACE = "kyma-system"
NATS = "eventing-nats"
CLAIM = "a message published to JetStream comes back"
STREAM = "kyma-harness-verify"
PAYLOAD = b"order.created"


async def checks(installed: Installed, client: Client) -> list[Check]:
    """Publish a message to a stream of our own, and read it back; without NATS, see that none is left."""
    if backend := await _other_backend(installed, client):
        services = (
            await client.list(SERVICE, namespace=NAMESPACE, field_selector=f"metadata.name={NATS}")
        ).items
        left = [f"Service {NAMESPACE}/{NATS} is still there"] * len(services)
        return [Check.of(f"no NATS is left, as the backend is {backend}", left)]
    async with installed.provider.reach(NAMESPACE, NATS, 4222) as address:
        try:
            user, password = await _credentials(client)
            received = await _round_trip(f"nats://{address}", user, password)
        except (NatsError, ControllerError, OSError, TimeoutError) as error:
            return [Check(name=CLAIM, ok=False, detail=f"nats://{address}: {error or type(error).__name__}")]
    return [Check(name=CLAIM, ok=received == PAYLOAD, detail=f"{received!r} came back")]


async def _other_backend(installed: Installed, client: Client) -> str:
    """Return which backend the Eventing has, if that is another than NATS."""
    for eventing in (await client.list(Kind.of(dict(installed.module.default_cr)))).items:
        backend: str = eventing["spec"]["backend"]["type"]
        if backend != "nats":
            return backend
    return ""


async def _credentials(client: Client) -> tuple[str, str]:
    secret = await client.get(SECRET, "eventing-nats-auth", NAMESPACE)
    user, password = (base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))
    return user, password


async def _round_trip(url: str, user: str, password: str) -> bytes:
    client = await nats.connect(
        url,
        user=user,
        password=password,
        connect_timeout=5,
        max_reconnect_attempts=2,
        allow_reconnect=False,
    )
    try:
        jetstream = client.jetstream(timeout=5)
        await jetstream.add_stream(name=STREAM, subjects=[f"{STREAM}.>"])
        try:
            subscription = await jetstream.pull_subscribe(f"{STREAM}.>", durable="reader")
            await jetstream.publish(f"{STREAM}.one", PAYLOAD)
            (message,) = await subscription.fetch(1, timeout=5)
            await message.ack()
            return bytes(message.data)
        finally:
            await jetstream.delete_stream(STREAM)
    finally:
        await client.close()
