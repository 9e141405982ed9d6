"""Events of pods and nodes, counted up instead of repeated."""

import asyncio
import uuid
from collections import OrderedDict
from typing import Any, Literal

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.kinds import EVENT
from kubeloop.logs import get_logger
from kubeloop.resource import Object
from kyma_harness.node.states import now, timestamp

log = get_logger(__name__)
_REMEMBERED = 1000
_WAITING = 1000
EventType = Literal["Normal", "Warning"]


class EventRecorder:
    """Write Events in the background; a full queue or a refusing API server loses them, and nobody waits."""

    def __init__(self, client: Client, *, host: str) -> None:
        self._client = client
        self._host = host
        self._queue: asyncio.Queue[Object] = asyncio.Queue(maxsize=_WAITING)
        self._written: OrderedDict[tuple[str, ...], tuple[str, int]] = OrderedDict()

    def record(
        self, subject: Object, kind: EventType, reason: str, message: str, *, field: str | None = None
    ) -> None:
        """Say that something happened to an object; `field` names the part of it, `spec.containers{web}`."""
        metadata = subject["metadata"]
        involved = {
            "apiVersion": subject["apiVersion"], "kind": subject["kind"], "name": metadata["name"],
            "namespace": metadata.get("namespace"), "uid": metadata["uid"], "fieldPath": field,
        }  # fmt: skip
        event = {
            "apiVersion": "v1", "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata.get("namespace") or "default",
            },
            "involvedObject": {key: value for key, value in involved.items() if value is not None},
            "type": kind, "reason": reason, "message": message[:1024],
            "source": {"component": "process-node", "host": self._host},
            "reportingComponent": "process-node", "reportingInstance": self._host,
            "firstTimestamp": timestamp(now()), "lastTimestamp": timestamp(now()), "count": 1,
        }  # fmt: skip
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            log.warning("event dropped", reason=reason)

    async def run(self) -> None:
        """Write what is recorded, until cancelled."""
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except ControllerError as error:
                # A namespace that is going away takes no more events.
                log.debug("event not written", error=str(error))

    async def _write(self, event: Object) -> None:
        key = _identity(event)
        if known := self._written.get(key):
            name, count = known
            self._written[key] = (name, count + 1)
            patch: dict[str, Any] = {"count": count + 1, "lastTimestamp": event["lastTimestamp"]}
            await self._client.merge_patch(EVENT, name, patch, namespace=event["metadata"]["namespace"])
            return
        created = await self._client.create(event)
        self._written[key] = (created["metadata"]["name"], 1)
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)


def _identity(event: Object) -> tuple[str, ...]:
    involved = event["involvedObject"]
    return (involved["uid"], involved.get("fieldPath", ""), event["type"], event["reason"], event["message"])
