"""Hand out keys to work on: each once at a time, and again if it was added meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kubeloop.errors import QueueClosedError

KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Double the wait with each failure in a row."""

    base: float = 0.1
    """Seconds before the first retry."""

    maximum: float = 60.0
    """Seconds which a wait never exceeds, jitter aside."""

    jitter: float = 0.2
    """Share of the wait that is added at random: those who failed together must not come back together."""

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, counted from 1."""
        # The exponent is bounded, as 2.0 ** 1024 is an OverflowError.
        wait = min(self.base * 2.0 ** min(failures - 1, 64), self.maximum)
        return wait * (1 + self.jitter * random.random())  # noqa: S311 - spreads load, keeps no secret


class WorkQueue(Generic[KeyT]):
    """Keep keys, not events: a key added ten times before a worker comes is worked on once.

    Belongs to one event loop. ``len()`` is the number of keys that wait for a worker.
    """

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff()
        self._waiting: dict[KeyT, None] = {}  # an ordered set
        self._working: set[KeyT] = set()
        self._again: set[KeyT] = set()
        self._timers: dict[KeyT, asyncio.TimerHandle] = {}
        self._failures: dict[KeyT, int] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: KeyT) -> None:
        """Let a key be worked on as soon as possible, after the pass that runs on it now if there is one."""
        if self._closed:
            return
        if key in self._working:
            self._again.add(key)
        else:
            self._waiting[key] = None
            self._changed.set()

    def add_after(self, key: KeyT, seconds: float) -> None:
        """Add a key later; of several delays of a key the one that ends first counts."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._add_delayed, key)

    def add_rate_limited(self, key: KeyT, *, at_least: float = 0.0) -> float:
        """Add a key after a delay that grows with each call until ``forget``, and return the delay."""
        self._failures[key] = self._failures.get(key, 0) + 1
        delay = max(at_least, self._backoff.delay(self._failures[key]))
        self.add_after(key, delay)
        return delay

    def forget(self, key: KeyT) -> None:
        """Start over with the delays of a key, because a pass on it succeeded."""
        self._failures.pop(key, None)

    async def get(self) -> KeyT:
        """Wait for a key and take it; give it back with ``done``.

        Raises QueueClosedError once the queue is closed, however many keys wait.
        """
        while not self._closed:
            for key in self._waiting:
                del self._waiting[key]
                self._working.add(key)
                return key
            self._changed.clear()
            await self._changed.wait()
        raise QueueClosedError("the work queue is closed")

    def done(self, key: KeyT) -> None:
        """Say that the pass on a key is over."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def close(self) -> None:
        """Hand out no more keys; those that wait are dropped, passes that run may finish."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()
        self._again.clear()
        self._changed.set()

    def _add_delayed(self, key: KeyT) -> None:
        del self._timers[key]
        self.add(key)
