"""Record Kubernetes Events; the same one again is counted, not created."""

import hashlib
from datetime import UTC, datetime

from kubeloop.client import Client
from kubeloop.errors import AlreadyExistsError, ApiError, ControllerError, UnreachableError
from kubeloop.kinds import EVENT
from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey, describe
from kyma_harness.host.errors import HarnessError
from kyma_harness.wait.waits import WaitError

log = get_logger(__name__)


LONGEST = 1024
"""Characters of what an Event, or a condition of ours, says."""


def sentence_of(error: Exception) -> str:
    """Return in one line what went wrong; of what nobody has foreseen also the kind of error."""
    said = " ".join(str(error).split())
    return (said if is_foreseen(error) else f"internal error: {type(error).__name__}: {said}")[:LONGEST]


def is_foreseen(error: Exception) -> bool:
    """Tell whether an error was raised on purpose, by the API server or by us."""
    return isinstance(error, ControllerError | HarnessError | WaitError)


class EventRecorder:
    """Speak of objects in the name of one component."""

    def __init__(self, client: Client, component: str) -> None:
        self._client = client
        self._component = component

    async def normal(self, obj: Object, reason: str, message: str) -> None:
        """Record what went as it should."""
        await self._record("Normal", obj, reason, message)

    async def warning(self, obj: Object, reason: str, message: str) -> None:
        """Record what somebody should look at."""
        await self._record("Warning", obj, reason, message)

    async def _record(self, type_: str, obj: Object, reason: str, message: str) -> None:
        try:
            await self._create_or_count(self._event(type_, obj, reason, message))
        except (ApiError, UnreachableError) as error:
            # An Event is a courtesy: a pass does not fail for want of it.
            log.warning("event not recorded", object=describe(obj), reason=reason, cause=str(error))

    async def _create_or_count(self, event: Object) -> None:
        try:
            await self._client.create(event)
        except AlreadyExistsError:
            key = ObjectKey.of(event)
            seen = await self._client.get(EVENT, key.name, key.namespace)
            change = {"count": seen.get("count", 1) + 1, "lastTimestamp": event["lastTimestamp"]}
            await self._client.merge_patch(EVENT, key.name, change, namespace=key.namespace)

    def _event(self, type_: str, obj: Object, reason: str, message: str) -> Object:
        metadata = obj["metadata"]
        identity = "\0".join((metadata["uid"], type_, reason, message))
        suffix = hashlib.sha256(identity.encode()).hexdigest()[:16]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{suffix}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "type": type_,
            "reason": reason,
            "message": message[:LONGEST],
            "source": {"component": self._component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
