"""Tell of transitions as Kubernetes Events, for those who look at ``kubectl describe``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventing_manager.names import MANAGER
from eventing_manager.status import ConditionType, State
from kubeloop.errors import ControllerError
from kubeloop.kinds import EVENT
from kubeloop.logs import get_logger
from kubeloop.resource import Kind, ObjectKey, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kubeloop.client import Client
    from kubeloop.resource import Object

log = get_logger(__name__)

_TOLD: Final = (ConditionType.READY, ConditionType.DRAINED)
"""What is worth an Event: the summary, and whether messages were lost."""

_QUIET: Final = frozenset({State.READY, State.PROCESSING, State.DELETING})
_MESSAGE_LIMIT: Final = 1024
"""Characters that the API server takes."""


class Recorder:
    """Write an Event when a condition comes to hold, ceases to, or does so for another reason."""

    def __init__(self, client: Client, *, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock

    async def record(self, before: Object, after: Object) -> None:
        """Write what is new in a status; a failure is logged, as nothing depends on an Event."""
        for condition in transitions(before, after):
            try:
                await self._client.create(self._event(after, condition))
            except ControllerError as error:
                log.warning("event is lost", reason=condition["reason"], error=str(error))

    def _event(self, eventing: Object, condition: dict[str, Any]) -> Object:
        now = self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        key = ObjectKey.of(eventing)
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"generateName": f"{key.name}.", "namespace": key.namespace},
            "involvedObject": {
                "apiVersion": Kind.of(eventing).api_version,
                "kind": eventing["kind"],
                "namespace": key.namespace,
                "name": key.name,
                "uid": uid_of(eventing),
            },
            "type": "Normal" if eventing["status"]["state"] in _QUIET else "Warning",
            "reason": condition["reason"],
            "message": condition["message"][:_MESSAGE_LIMIT],
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def transitions(before: Object, after: Object) -> list[dict[str, Any]]:
    """Return the conditions worth telling of that are not as they were; another message alone is not news."""
    old = {condition["type"]: condition for condition in _conditions(before)}
    return [
        condition
        for condition in _conditions(after)
        if condition["type"] in _TOLD and _news(condition) != _news(old.get(condition["type"], {}))
    ]


def _conditions(eventing: Object) -> list[dict[str, Any]]:
    return (eventing.get("status") or {}).get("conditions") or []


def _news(condition: dict[str, Any]) -> tuple[str | None, str | None]:
    return condition.get("status"), condition.get("reason")
