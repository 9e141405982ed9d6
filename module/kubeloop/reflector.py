"""Keep a copy of all objects of a kind, up to date by a watch."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kubeloop.client import named
from kubeloop.errors import (
    ControllerError,
    ForbiddenError,
    KindAbsentError,
    UnreachableError,
    asked_to_wait,
)
from kubeloop.logs import Repeats, get_logger
from kubeloop.queue import Backoff
from kubeloop.resource import Kind, Object, ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeloop.client import Client

    OnChange = Callable[[Object | None, Object | None], None]

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectorTimings:
    """How patient a reflector is, in seconds."""

    watch: int = 100
    """One watch connection lasts so long, and up to a fifth longer: servers come and go behind it."""

    inactivity: float = 150.0
    """A watch that is silent for longer than it was to last is taken for dead.

    Bookmarks need not come sooner: unless told otherwise, etcd reports progress every ten minutes.
    """

    short_watch: float = 1.0
    """A watch that ends sooner and empty is a failure, or it would be opened again at once for ever."""

    absent: float = 0.5
    """An absent kind is asked for again so often."""

    unannounced: float = 60.0
    """While the announcer says that a kind is absent nobody asks; so often a sign of life is given."""

    retry: Backoff = field(default_factory=lambda: Backoff(base=0.1, maximum=5.0))
    """Failures are retried by this."""

    forbidden: Backoff = field(default_factory=lambda: Backoff(base=0.1, maximum=30.0))
    """What RBAC does not allow is retried by this: new rights take a moment, missing ones a person."""


class Announcer(Protocol):
    """Tell when an absent kind may be served, so that nobody need ask all the time."""

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever the answer of ``may_serve`` may have changed."""

    def may_serve(self, kind: Kind) -> bool:
        """Tell whether the API server serves a kind or is about to."""


def without_managed_fields(obj: Object) -> Object:
    """Take off an object what fills half the memory and what no reconciler reads."""
    obj["metadata"].pop("managedFields", None)
    return obj


class Reflector:
    """List, then watch, for ever: whatever goes wrong is logged, and everything listed anew.

    ``on_change(old, new)`` is called for each difference, with None for an object that is not there: it must
    only take note, as by adding a key to a queue. ``transform`` may change an object before it is copied.
    One that is not ``required`` holds up nobody's start, and nobody's health depends on it.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        on_change: OnChange = lambda _old, _new: None,
        transform: Callable[[Object], Object] = without_managed_fields,
        announcer: Announcer | None = None,
        required: bool = True,
        name: str | None = None,
        timings: ReflectorTimings | None = None,
    ) -> None:
        self.kind = kind
        self.required = required
        self.name = name or str(kind)
        self.synced = asyncio.Event()
        self.unsynced_since: float | None = None
        """Since when it runs without a complete copy, by the event loop's clock."""
        self.last_error: str | None = None
        """Why the copy is not complete, as far as that is known."""
        self.present = False
        self._was_asked = False
        self.last_activity = 0.0
        self.interruptions = 0
        """How often it had to list anew: what happened in between is not known."""
        self._client = client
        self._selection: dict[str, str | None] = {
            "namespace": namespace,
            "label_selector": label_selector,
            "field_selector": field_selector,
        }
        self._on_change = on_change
        self._transform = transform
        self._announcer = announcer
        self._timings = timings or ReflectorTimings()
        self._objects: dict[ObjectKey, Object] = {}
        self._resource_version: str | None = None
        self._failures = 0
        self._repeats = Repeats()
        self._woken = asyncio.Event()
        self._is_idle = False
        self._aim: asyncio.Timeout | None = None
        if announcer is not None:
            announcer.subscribe(self.wake)

    def get(self, key: ObjectKey) -> Object | None:
        """Return the copy of an object; to be read, not written."""
        return self._objects.get(key)

    def all(self) -> list[Object]:
        """Return the copies of all objects; to be read, not written."""
        return list(self._objects.values())

    def wake(self) -> None:
        """Look again at once whether an absent kind is served."""
        self._woken.set()

    def follow(self, key: ObjectKey | None) -> None:
        """Keep a copy of one object from now on, or of none, which takes no request.

        What is in the copy leaves it at once, and that is told like any change.
        """
        selection = {**self._selection}
        if key is not None:
            selection |= {"namespace": key.namespace or None, "field_selector": named(key.name)}
        if (self._is_idle, self._selection) == (key is None, selection):
            return
        self._is_idle, self._selection = key is None, selection
        self.synced.clear()
        self._replace({})
        if self._aim is not None and not self._aim.expired():
            # What is being waited for, be it a list, a watch or a pause, belongs to the aim of before.
            self._aim.reschedule(asyncio.get_running_loop().time())

    def is_stuck(self, now: float) -> bool:
        """Tell whether nothing was heard, tried or failed for longer than the timings allow."""
        return not self._is_idle and now - self.last_activity > 2 * self._timings.inactivity

    async def run(self) -> None:
        """Keep the copy up to date until cancelled.

        ``synced`` is set once the first list is in or the kind is known absent: ``present`` tells which.
        """
        while True:
            self._start_over()
            try:
                async with asyncio.timeout(None) as self._aim:
                    await self._keep_up()
            except TimeoutError:
                log.debug("watch is aimed anew", reflector=self.name)
            finally:
                self._aim = None

    def _start_over(self) -> None:
        self.synced.clear()
        self._replace({})
        self._resource_version = None
        self._failures = 0
        self.last_error = None
        self.unsynced_since = asyncio.get_running_loop().time()

    async def _keep_up(self) -> None:
        """Follow what is aimed at; only cancellation ends it."""
        if self._is_idle:
            self._set_synced()
            await asyncio.Event().wait()
        while True:
            self._note_activity()
            self._woken.clear()
            try:
                await self._list_and_watch()
            except KindAbsentError:
                await self._wait_for_kind()
            except Exception as error:  # noqa: BLE001 - a watch outlives whatever comes over the wire
                await self._wait_after(error)

    async def _list_and_watch(self) -> None:
        """List if there is nothing to go on from, then watch for as long as one connection lasts."""
        if self._resource_version is None:
            await self._list()
        loop = asyncio.get_running_loop()
        opened = loop.time()
        if not await self._watch() and loop.time() - opened < self._timings.short_watch:
            raise UnreachableError(self._client.server, "the watch ended as soon as it was opened")
        self._note_success()

    async def _list(self) -> None:
        found = await self._client.list(self.kind, **self._selection)
        self._set_present(present=True)
        self._replace({ObjectKey.of(item): item for item in found.items})
        self._resource_version = found.resource_version
        self._set_synced()

    async def _watch(self) -> bool:
        """Take in the events of one connection; return whether there was one."""
        heard = False
        seconds = self._timings.watch
        events = self._client.watch(
            self.kind,
            **self._selection,
            resource_version=self._resource_version,
            timeout_seconds=seconds + random.randrange(max(seconds // 5, 1)),  # noqa: S311 - spreads load
            inactivity=self._timings.inactivity,
        )
        async with aclosing(events):
            async for event in events:
                heard = True
                self._note_success()
                self._note_activity()
                self._take_in(event.type, event.object)
        return heard

    def _take_in(self, event_type: str, obj: Object) -> None:
        self._resource_version = obj["metadata"]["resourceVersion"]
        if event_type == "BOOKMARK":
            return
        self._put(ObjectKey.of(obj), None if event_type == "DELETED" else obj)

    def _replace(self, objects: dict[ObjectKey, Object]) -> None:
        for key in self._objects.keys() - objects.keys():
            self._put(key, None)
        for key, obj in objects.items():
            self._put(key, obj)

    def _put(self, key: ObjectKey, obj: Object | None) -> None:
        old = self._objects.get(key)
        if obj is None:
            self._objects.pop(key, None)
        else:
            obj = self._objects[key] = self._transform(obj)
        if _version(old) != _version(obj):
            try:
                self._on_change(old, obj)
            except Exception:
                log.exception("change of an object was missed", reflector=self.name, object=str(key))

    async def _wait_for_kind(self) -> None:
        self._set_present(present=False)
        self._replace({})
        self._resource_version = None
        self._failures = 0
        self._set_synced()
        if not self._is_announced_absent():
            await self._pause(self._timings.absent)
        while self._is_announced_absent() and not self._woken.is_set():
            await self._pause(self._timings.unannounced)

    def _is_announced_absent(self) -> bool:
        return self._announcer is not None and not self._announcer.may_serve(self.kind)

    async def _wait_after(self, error: Exception) -> None:
        self._failures += 1
        # What answers next may have lost data; it would accept a resource version from its own future, and
        # then keep quiet. A list more is a small price.
        self._resource_version = None
        self.interruptions += 1
        self.last_error = f"{type(error).__name__}: {error}"
        backoff = self._timings.forbidden if isinstance(error, ForbiddenError) else self._timings.retry
        delay = max(asked_to_wait(error), backoff.delay(self._failures))
        if times := self._repeats.times(self.last_error, asyncio.get_running_loop().time()):
            log.warning(
                "watch failed",
                reflector=self.name,
                errorClass=type(error).__name__,
                error=str(error),
                times=times,
                failures=self._failures,
                retryAfter=delay,
                exc_info=None if isinstance(error, ControllerError) else error,
            )
        await self._pause(delay)

    def _note_success(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._failures and (times := self._repeats.times("success", now)):
            log.info("watch works again", reflector=self.name, times=times, failures=self._failures)
        self._failures = 0

    async def _pause(self, seconds: float) -> None:
        # No sign of life is due until then.
        self.last_activity = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def _set_synced(self) -> None:
        self.unsynced_since = None
        self.last_error = None
        self.synced.set()

    def _set_present(self, *, present: bool) -> None:
        if present != self.present or not self._was_asked:
            log.info("kind is served" if present else "kind is absent", reflector=self.name)
        self.present = present
        self._was_asked = True

    def _note_activity(self) -> None:
        self.last_activity = asyncio.get_running_loop().time()


def _version(obj: Object | None) -> Any:
    """Return what differs whenever the object does: a deleted and recreated object has another uid."""
    return None if obj is None else (obj["metadata"].get("uid"), obj["metadata"].get("resourceVersion"))
