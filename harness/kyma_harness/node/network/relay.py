"""Accept connections, and join each of them with another one."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from kyma_harness.node.addresses import Address

_CHUNK = 64 * 1024

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Answer = Callable[[Streams], Awaitable[Streams | None]]
"""Gives the other end for a connection that came in; None where that is to be closed."""


class Relay:
    """Listen at an address, and pass on what arrives; nothing is left of it after `close`."""

    def __init__(self, address: Address, answer: Answer, *, tls: ssl.SSLContext | None = None) -> None:
        self._address = address
        self._answer = answer
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Accept connections from now on; raises OSError where the address is taken."""
        if self._server is None:
            host, port = self._address.host, self._address.port
            self._server = await asyncio.start_server(self._serve, host, port, ssl=self._tls)

    def stop_listening(self) -> None:
        """Refuse connections from now on; those that exist go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        self.stop_listening()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        try:
            if far := await self._answer((reader, writer)):
                await _join((reader, writer), far)
        except (OSError, asyncio.CancelledError):
            # Whoever asked has gone; or close() has asked for this, for whom alone anybody cancels us.
            return
        finally:
            self._connections.discard(task)
            writer.close()


async def _join(near: Streams, far: Streams) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(near[0], far[1]))
            group.create_task(_pump(far[0], near[1]))
    finally:
        far[1].close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
        else:
            sink.close()  # TLS knows no half of an end
    except OSError:
        # One side was reset: nothing of this connection is worth keeping, and the other side must hear of it.
        sink.close()
