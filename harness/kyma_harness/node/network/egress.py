"""What the API server dials within the cluster: webhooks, aggregated APIs, the kubelet endpoint.

It knows addresses that are there for the API's eyes alone, and left to itself it would send their packets to
whoever answers for them outside of this host. So its egress selector hands every such connection to a proxy
of the node, which connects it to where the Service's pod listens, and refuses everything else.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from kyma_harness.node.addresses import Address
from kyma_harness.node.errors import AddressError
from kyma_harness.node.network.relay import Relay, Streams

_LIMIT_SECONDS = 10.0
"""For the request; whoever asks is a program on this host."""

Dial = Callable[[str, int], Awaitable[Streams]]
"""Connects to a host and port as the API server knows them; raises AddressError with the reason why not."""


@asynccontextmanager
async def egress_proxy(dial: Dial, *, address: Address | None, tls: ssl.SSLContext) -> AsyncIterator[None]:
    """Serve CONNECT requests while the block runs, where there is an address to do so."""
    if address is None:
        yield
        return

    async def answer(near: Streams) -> Streams | None:
        return await _tunnelled(near, dial)

    relay = Relay(address, answer, tls=tls)
    await relay.listen()
    try:
        yield
    finally:
        await relay.close()


async def _tunnelled(near: Streams, dial: Dial) -> Streams | None:
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            request = await near[0].readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
        return None
    try:
        far = await dial(*_wanted(request))
    except AddressError as error:
        await _say(near[1], f"503 {error}", "Connection: close", "Content-Length: 0")
        return None
    await _say(near[1], "200 OK")
    return far


def _wanted(request: bytes) -> tuple[str, int]:
    """Return host and port of a CONNECT request; raises AddressError for any other."""
    method, _, rest = request.partition(b"\r\n")[0].decode(errors="replace").partition(" ")
    host, _, port = rest.partition(" ")[0].rpartition(":")
    if method != "CONNECT" or not host or not port.isdigit():
        raise AddressError("the node's proxy for the API server knows CONNECT HOST:PORT only")
    return host.strip("[]"), int(port)


async def _say(writer: asyncio.StreamWriter, status: str, *headers: str) -> None:
    """Send the head of an answer. The API server shows its first line to whoever waits for the connection."""
    line = " ".join(status.split()).encode("latin-1", errors="replace").decode("latin-1")
    writer.write("".join(f"{text}\r\n" for text in (f"HTTP/1.1 {line}", *headers, "")).encode("latin-1"))
    await writer.drain()
