"""Wait for an object to become what is claimed of it, by watching it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from controller.client import Client
from controller.errors import ApiError, KindAbsentError, NotFoundError, UnreachableError
from controller.resource import Kind, Object
from harness.observe.describe import describe

Claim = Callable[[Object | None], str]
"""What is missing of a claim, as a phrase; empty when it holds. ``None`` stands for "no such object"."""


class WaitError(AssertionError):
    """What was waited for did not come: carries the object as it was last seen."""

    def __init__(self, message: str, last: Object | None) -> None:
        super().__init__(message)
        self.last = last


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The object that is waited for, which need not exist yet, nor its kind."""

    kind: Kind
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        """Name it as people do: ``Eventing kcp-system/default-kyma-eventing``."""
        return f"{self.kind.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


class _Holds(Exception):  # noqa: N818 - a signal, not an error
    def __init__(self, seen: Object | None) -> None:
        self.seen = seen


class _WatchEnded(Exception):  # noqa: N818 - watches end; the next one goes on
    pass


class _Watcher:
    """Follow one object until a claim about it holds."""

    def __init__(self, client: Client, target: Target, claim: Claim) -> None:
        self._client = client
        self._target = target
        self._claim = claim
        self.last: Object | None = None
        self.missing = "not looked at yet"

    async def run(self) -> Object | None:
        """Return the object for which the claim held; reconnects for as long as it is let."""
        recoverable = retry_if_exception_type((_WatchEnded, ApiError, UnreachableError, KindAbsentError))
        async for attempt in AsyncRetrying(retry=recoverable, wait=wait_exponential(0.1, max=1)):
            with attempt:
                try:
                    await self._follow()
                except _Holds as holds:
                    return holds.seen
        raise AssertionError("unreachable: retried without end")

    async def _follow(self) -> None:
        version = await self._look()
        selector = f"metadata.name={self._target.name}"
        events = self._client.watch(
            self._target.kind,
            namespace=self._target.namespace,
            resource_version=version,
            field_selector=selector,
        )
        async with aclosing(events):
            async for event in events:
                if event.type != "BOOKMARK":
                    self._judge(None if event.type == "DELETED" else event.object)
        raise _WatchEnded

    async def _look(self) -> str | None:
        selector = f"metadata.name={self._target.name}"
        try:
            found = await self._client.list(
                self._target.kind, namespace=self._target.namespace, field_selector=selector
            )
        except (KindAbsentError, NotFoundError):
            self._judge(None)
            raise
        self._judge(found.items[0] if found.items else None)
        return found.resource_version

    def _judge(self, seen: Object | None) -> None:
        self.last = seen
        self.missing = self._claim(seen)
        if not self.missing:
            raise _Holds(seen)


async def wait_for(
    client: Client, target: Target, claim: Claim, *, what: str, within: float = 60
) -> Object | None:
    """Wait until the claim about the object holds, and return the object as it then was.

    ``within`` is in seconds. Raises :class:`WaitError` that says what was missing and what was last seen.
    """
    watcher, started = _Watcher(client, target, claim), time.monotonic()
    try:
        async with asyncio.timeout(within):
            return await watcher.run()
    except TimeoutError:
        waited = time.monotonic() - started
        sentence = f"{target} did not come to {what} within {waited:.0f} s: {watcher.missing}"
        raise WaitError(f"{sentence}\n{describe(watcher.last)}", watcher.last) from None
