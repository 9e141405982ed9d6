"""Forward local ports to whichever target is there."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress

from kubeloop.logs import get_logger
from kyma_harness.node.addresses import Address
from kyma_harness.node.network.relay import Relay, Streams
from kyma_harness.node.rules.placeholders import HOST

log = get_logger(__name__)
_CONNECT_SECONDS = 5.0


class Forwarder:
    """Listen on a port of 127.0.0.1 while there are targets; without one, connections are refused.

    It listens at another address as well, if one is given and nobody is in the way there.
    """

    def __init__(self, port: int, *, also: Address | None = None) -> None:
        self.port = port
        self._targets: Sequence[Address] = ()
        self._turn = itertools.count()
        self._relay = Relay(Address(HOST, port), self._answer)
        self._also = Relay(also, self._answer) if also else None
        self._also_at = also

    async def set_targets(self, targets: Sequence[Address]) -> None:
        """Forward new connections to these, in turn; those that exist go on."""
        self._targets = targets
        if not targets:
            for relay in self._relays:
                relay.stop_listening()
            return
        await self._relay.listen()
        if self._also:
            try:
                await self._also.listen()
            except OSError as error:
                log.info("service not at its own address", address=str(self._also_at), error=str(error))

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        for relay in self._relays:
            await relay.close()

    async def connect(self) -> Streams | None:
        """Connect to the target whose turn it is, or to the next that answers; None where none does."""
        targets = list(self._targets)
        first = next(self._turn)
        for offset in range(len(targets)):
            target = targets[(first + offset) % len(targets)]
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(target.host, target.port)
        return None

    async def _answer(self, _: Streams) -> Streams | None:
        return await self.connect()

    @property
    def _relays(self) -> Sequence[Relay]:
        return [self._relay, *([self._also] if self._also else [])]
