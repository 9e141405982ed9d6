"""Tell of objects by Kubernetes Events; the same one again is counted, not created."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from kubeloop.errors import ControllerError, NotFoundError
from kubeloop.kinds import EVENT
from kubeloop.logs import get_logger
from kubeloop.resource import Kind, Object, describe, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger(__name__)

EventType = Literal["Normal", "Warning"]

_REMEMBERED: Final = 1000
"""Events whose repetition is counted."""
_WAITING: Final = 1000
"""Events that wait to be written in the background, while the API server is slow."""
_MESSAGE_LIMIT: Final = 1024
"""Characters that the API server takes."""
_NAME_ROOM: Final = 253 - 17
"""Characters of an Event's name for that of its object."""
_CLUSTER_WIDE: Final = "default"
"""Where Events of objects without a namespace are."""


class EventClient(Protocol):
    """What of a client is needed; the right to create and to patch Events is."""

    async def create(self, obj: Object, /) -> Object:
        """Create an object and return it."""

    async def merge_patch(
        self, kind: Kind, name: str, patch: dict[str, Any], *, namespace: str | None
    ) -> Object:
        """Patch an object and return it."""


class EventRecorder:
    """Speak of objects in the name of one component, and of the host that it runs on where that matters.

    :meth:`write` waits until it is said. :meth:`record` does not: :meth:`run` says it in the background. An
    Event is a courtesy: one that the API server refuses is logged, and nothing fails for want of it.
    """

    def __init__(
        self,
        client: EventClient,
        component: str,
        *,
        host: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._component = component
        self._host = host
        self._clock = clock
        self._waiting: asyncio.Queue[Object] = asyncio.Queue(maxsize=_WAITING)
        self._written: OrderedDict[tuple[str, ...], tuple[str, int]] = OrderedDict()

    def record(
        self, about: Object, kind: EventType, reason: str, message: str, *, field: str | None = None
    ) -> None:
        """Note what happened to an object, to be written in the background; it is lost if too much waits.

        ``field`` names the part of the object, such as ``spec.containers{web}``.
        """
        try:
            self._waiting.put_nowait(self._event(about, kind, reason, message, field))
        except asyncio.QueueFull:
            log.warning("event is lost, as too many wait", object=describe(about), reason=reason)

    async def run(self) -> None:
        """Write what is recorded, until cancelled."""
        while True:
            await self._write(await self._waiting.get())

    async def write(
        self, about: Object, kind: EventType, reason: str, message: str, *, field: str | None = None
    ) -> None:
        """Write what happened to an object."""
        await self._write(self._event(about, kind, reason, message, field))

    async def _write(self, event: Object) -> None:
        try:
            await self._count_or_create(event)
        except ControllerError as error:
            involved, reason = event["involvedObject"], event["reason"]
            log.warning("event is lost", kind=involved["kind"], name=involved["name"], reason=reason,
                        error=str(error))  # fmt: skip

    async def _count_or_create(self, event: Object) -> None:
        identity = _identity(event)
        name, count = self._written.get(identity, ("", 0))
        if name:
            patch = {"count": count + 1, "lastTimestamp": event["lastTimestamp"]}
            try:
                await self._client.merge_patch(EVENT, name, patch, namespace=event["metadata"]["namespace"])
            except NotFoundError:  # the API server keeps Events for an hour
                name, count = "", 0
        if not name:
            name = (await self._client.create(event))["metadata"]["name"]
        self._written[identity] = (name, count + 1)
        self._written.move_to_end(identity)
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    def _event(self, about: Object, kind: EventType, reason: str, message: str, field: str | None) -> Object:
        metadata, now = about["metadata"], self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        involved = {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "namespace": metadata.get("namespace"),
            "name": metadata["name"],
            "uid": uid_of(about),
            "resourceVersion": metadata.get("resourceVersion"),
            "fieldPath": field,
        }
        host = {"host": self._host} if self._host else {}
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "name": f"{metadata['name'][:_NAME_ROOM].rstrip('.-')}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata.get("namespace") or _CLUSTER_WIDE,
            },
            "involvedObject": {key: value for key, value in involved.items() if value},
            "type": kind,
            "reason": reason,
            "message": message[:_MESSAGE_LIMIT],
            "source": {"component": self._component, **host},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def _identity(event: Object) -> tuple[str, ...]:
    involved = event["involvedObject"]
    return (involved["uid"], involved.get("fieldPath", ""), event["type"], event["reason"], event["message"])
