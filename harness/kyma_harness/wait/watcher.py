"""Follow one object until a claim about it holds."""

import asyncio
import time
from contextlib import aclosing

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from kubeloop.client import Client
from kubeloop.errors import ApiError, KindAbsentError, NotFoundError, UnreachableError
from kubeloop.resource import Object
from kyma_harness.wait.target import Claim, Target

SLOW = 1.0
"""Seconds from which on an answer that is still to come is worth telling."""


class _Holds(Exception):  # noqa: N818 - a signal, not an error
    def __init__(self, seen: Object | None) -> None:
        self.seen = seen


class _WatchEnded(Exception):  # noqa: N818 - watches end; the next one goes on
    pass


class Watcher:
    """List and watch one object; what was last seen of it, and what stood in the way, can be asked for."""

    def __init__(self, client: Client, target: Target, claim: Claim) -> None:
        self._client = client
        self._target = target
        self._claim = claim
        self._asked: float | None = None
        self._failure: Exception | None = None
        self.last: Object | None = None
        self.missing = "not looked at yet"
        self.changed = asyncio.Event()
        """Set at each look; whoever waits for it clears it."""

    async def run(self) -> Object | None:
        """Return the object for which the claim held; reconnects for as long as it is let."""
        recoverable = retry_if_exception_type((_WatchEnded, ApiError, UnreachableError, KindAbsentError))
        async for attempt in AsyncRetrying(
            retry=recoverable, wait=wait_exponential(0.1, max=1), before_sleep=self._note_failure
        ):
            with attempt:
                try:
                    await self._follow()
                except _Holds as holds:
                    return holds.seen
        raise AssertionError("unreachable: retried without end")

    @property
    def is_kind_absent(self) -> bool:
        """Whether the API server does not know the kind, which has a cause of its own."""
        return isinstance(self._failure, KindAbsentError)

    def trouble(self) -> str:
        """Return what keeps us from seeing the object at all, as a sentence; empty where nothing does."""
        if self.is_kind_absent:
            kind = self._target.kind
            return (
                f"the API server knows no kind {kind.kind} in {kind.api_version}: its"
                " CustomResourceDefinition is not installed"
            )
        if self._asked is not None and (waited := time.monotonic() - self._asked) >= SLOW:
            return f"the API server {self._client.server} has not answered for {waited:.1f} s"
        return str(self._failure or "")

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
        self._asked = time.monotonic()
        try:
            found = await self._client.list(
                self._target.kind, namespace=self._target.namespace, field_selector=selector
            )
        except (KindAbsentError, NotFoundError):
            self._judge(None)
            raise
        finally:
            self._asked = None
        self._failure = None
        self._judge(found.items[0] if found.items else None)
        return found.resource_version

    def _judge(self, seen: Object | None) -> None:
        self.last = seen
        self.missing = self._claim(seen)
        self.changed.set()
        if not self.missing:
            raise _Holds(seen)

    def _note_failure(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, (ApiError, UnreachableError, KindAbsentError)):
            self._failure = failure
