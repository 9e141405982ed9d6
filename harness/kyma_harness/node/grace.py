"""The grace that something gets which is asked to end: seconds, which may be cut short while they run."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Grace:
    """Cut off what a task waits for: at the moment when an end is asked for, or when its grace is over.

    Blocks are cut off as by `asyncio.timeout`, at the await where they are, and whoever asks need not be the
    task that waits. To ask again can only shorten the grace; blocks that are being waited in take that up.
    """

    def __init__(self) -> None:
        self._asked_at = math.inf
        self._over_at = math.inf
        self._blocks: dict[asyncio.Timeout, Callable[[], float]] = {}

    @property
    def is_asked(self) -> bool:
        """Whether an end was asked for."""
        return self._asked_at < math.inf

    @property
    def left(self) -> float:
        """The seconds until the grace is over, without end while no end was asked for."""
        return max(0.0, self._over_at - asyncio.get_running_loop().time())

    def ask(self, seconds: float) -> None:
        """Ask for an end within so many seconds; a longer grace than was given before changes nothing."""
        now = asyncio.get_running_loop().time()
        if now + seconds >= self._over_at:
            return
        self._asked_at, self._over_at = now, now + seconds
        for block, moment in list(self._blocks.items()):
            if not block.expired():
                block.reschedule(moment())

    @asynccontextmanager
    async def until_asked(self) -> AsyncIterator[None]:
        """Run a block until an end is asked for, which is to be seen by `is_asked` after it."""
        async with self._block(lambda: self._asked_at):
            yield

    @asynccontextmanager
    async def until_over(self, *, at_least: float = 0.0) -> AsyncIterator[None]:
        """Run a block until the grace is over, but some seconds at least, which begin anew with each ask."""
        begun = asyncio.get_running_loop().time()

        def moment() -> float:
            asked = self._asked_at if self.is_asked else begun
            return max(self._over_at, max(begun, asked) + at_least)

        async with self._block(moment):
            yield

    @asynccontextmanager
    async def _block(self, moment: Callable[[], float]) -> AsyncIterator[None]:
        at = moment()
        try:
            async with asyncio.timeout_at(None if at == math.inf else at) as block:
                self._blocks[block] = moment
                yield
        except TimeoutError:
            if not block.expired():
                raise  # somebody else's, within the block
        finally:
            self._blocks.pop(block, None)
