"""Forward one local port to whichever target is there."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress

from kyma_harness.node.rules.placeholders import HOST

_CONNECT_SECONDS = 5.0
_CHUNK = 64 * 1024


class Forwarder:
    """Listen on a port of 127.0.0.1 while there are targets; without one, connections are refused."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._targets: Sequence[int] = ()
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def set_targets(self, targets: Sequence[int]) -> None:
        """Forward new connections to these ports of this host, in turn; those that exist go on."""
        self._targets = targets
        if targets and self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)
        elif not targets:
            self._stop_listening()

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        self._stop_listening()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        try:
            if target := await self._connected():
                await _join((reader, writer), target)
        except asyncio.CancelledError:
            # Nobody waits for a handler but close(), which asked for this.
            return
        finally:
            self._connections.discard(task)
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to the target whose turn it is, or to the next that answers."""
        targets = list(self._targets)
        first = next(self._turn)
        for offset in range(len(targets)):
            port = targets[(first + offset) % len(targets)]
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(HOST, port)
        return None


async def _join(
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
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
    except OSError:
        # One side was reset: nothing of this connection is worth keeping, and the other side must hear of it.
        sink.close()
