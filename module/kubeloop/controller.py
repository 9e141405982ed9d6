"""Reconcile keys from a queue, with retries."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kubeloop.errors import QueueClosedError, TerminalError, asked_to_wait, is_transient
from kubeloop.logs import get_logger, logging_fields
from kubeloop.queue import Backoff, WorkQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kubeloop.resource import Kind, ObjectKey

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a pass asks for, having gone well."""

    requeue_after: float | None = None
    """Reconcile again in so many seconds, whatever happens until then; None waits for a change."""


class Observer(Protocol):
    """Be told of passes, to count them."""

    def pass_ended(self, controller: str, result: str, seconds: float) -> None:
        """Take note of a pass, whose result is success, requeue_after, error or terminal_error."""


class Controller:
    """Run ``reconcile(key)`` for each key that is enqueued, each key once at a time.

    The reconciler is level-triggered: it gets no event, reads what is, and moves it towards what should be.
    Whatever it raises makes the key come again by its own backoff, except TerminalError. Lines it logs carry
    the fields of controller-runtime: controller, kind, object and reconcileID.
    """

    def __init__(
        self,
        name: str,
        reconcile: Callable[[ObjectKey], Awaitable[Result]],
        *,
        kind: Kind | None = None,
        workers: int = 1,
        backoff: Backoff | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.name = name
        self._reconcile = reconcile
        self._kind = kind
        self._workers = workers
        self._observer = observer
        self._queue: WorkQueue[ObjectKey] = WorkQueue(backoff)
        self._running: dict[ObjectKey, float] = {}

    def depth(self) -> int:
        """Return the number of keys that wait for a worker."""
        return len(self._queue)

    def oldest_pass(self, now: float) -> float | None:
        """Return for how many seconds the oldest of the passes that run has run, None where none does."""
        return now - min(self._running.values()) if self._running else None

    def oldest_key(self) -> ObjectKey | None:
        """Return what the oldest of the passes that run is on."""
        return min(self._running, key=self._running.__getitem__, default=None)

    def enqueue(self, key: ObjectKey) -> None:
        """Ask for a pass on a key."""
        self._queue.add(key)

    def stop(self) -> None:
        """Take no more keys; ``run`` returns when the passes that run are over."""
        self._queue.close()

    async def run(self) -> None:
        """Work on keys until stopped."""
        async with asyncio.TaskGroup() as workers:
            for number in range(self._workers):
                workers.create_task(self._work(), name=f"{self.name}-{number}")

    async def _work(self) -> None:
        while True:
            try:
                key = await self._queue.get()
            except QueueClosedError:
                return
            try:
                with logging_fields(**self._fields(key)):
                    await self._pass(key)
            finally:
                self._queue.done(key)

    async def _pass(self, key: ObjectKey) -> None:
        loop = asyncio.get_running_loop()
        started = self._running[key] = loop.time()
        try:
            outcome = await self._outcome(key)
        finally:
            del self._running[key]
        if self._observer is not None:
            self._observer.pass_ended(self.name, outcome, loop.time() - started)

    async def _outcome(self, key: ObjectKey) -> str:
        try:
            result = await self._reconcile(key)
        except TerminalError:
            self._queue.forget(key)
            log.exception("pass failed for good")
            return "terminal_error"
        except Exception as error:  # noqa: BLE001 - a worker outlives whatever a pass does
            self._retry(key, error)
            return "error"
        self._queue.forget(key)
        if result.requeue_after is None:
            return "success"
        self._queue.add_after(key, result.requeue_after)
        return "requeue_after"

    def _retry(self, key: ObjectKey, error: Exception) -> None:
        delay = self._queue.add_rate_limited(key, at_least=asked_to_wait(error))
        if is_transient(error):
            # Someone else was first, or the API server is busy: nothing is wrong with what was asked.
            log.info("pass is held up", retryAfter=delay, reason=str(error))
        else:
            log.error("pass failed", exc_info=error, retryAfter=delay)

    def _fields(self, key: ObjectKey) -> dict[str, object]:
        fields: dict[str, object] = {"controller": self.name}
        if self._kind is not None:
            fields["controllerGroup"] = self._kind.group
            fields["controllerKind"] = self._kind.kind
            fields[self._kind.kind.lower()] = {"name": key.name, "namespace": key.namespace}
        return fields | {"namespace": key.namespace, "name": key.name, "reconcileID": str(uuid.uuid4())}
