"""Read and write Eventing resources, and tell of their transitions as Kubernetes Events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventing_manager.api.names import EVENTING, FINALIZER, SETTINGS_ANNOTATION
from eventing_manager.api.spec import is_noted
from eventing_manager.api.status import ConditionType, State, new_status
from kubeloop.errors import NotFoundError
from kubeloop.logs import get_logger
from kubeloop.resource import ObjectKey, finalizers_of, has_finalizer, uid_of, version_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from eventing_manager.api.status import Report
    from kubeloop.client import Client
    from kubeloop.events import EventRecorder, EventType
    from kubeloop.reflector import Reflector
    from kubeloop.resource import Object


log = get_logger(__name__)


_TOLD: Final = (ConditionType.READY, ConditionType.DRAINED)
"""What is worth an Event: the summary, and whether messages were lost."""

_QUIET: Final = frozenset({State.READY, State.PROCESSING, State.DELETING})


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


class Eventings:
    """The Eventings of the cluster, as fresh as what this manager wrote itself.

    A watch tells of our own writes a moment late. Without them the next pass would take its own status for
    missing and write it again, with another time in it.
    """

    def __init__(
        self,
        client: Client,
        reflector: Reflector,
        events: EventRecorder,
        *,
        clock: Callable[[], datetime],
        on_report: Callable[[Object, Object], None] = lambda _before, _after: None,
    ) -> None:
        self._client = client
        self._reflector = reflector
        self._events = events
        self._clock = clock
        self._on_report = on_report
        self._written: dict[ObjectKey, Object] = {}

    def get(self, key: ObjectKey) -> Object | None:
        """Return an Eventing, None where there is none."""
        seen = self._reflector.get(key)
        written = self._written.get(key)
        if seen is None or written is None or not _tells_more(written, seen):
            self._written.pop(key, None)
            return seen
        return written

    def all(self) -> list[Object]:
        """Return every Eventing."""
        found = (self.get(ObjectKey.of(eventing)) for eventing in self._reflector.all())
        return [eventing for eventing in found if eventing is not None]

    def forget(self, key: ObjectKey) -> None:
        """Rely on the watch alone from now on: what was written is gone, or the cluster was set back."""
        self._written.pop(key, None)

    async def report(self, eventing: Object, report: Report) -> Object:
        """Write a report into the status, where it says something new; return the Eventing as it is then."""
        status = new_status(eventing, report, now=self._clock())
        if status is None:
            return eventing
        key = ObjectKey.of(eventing)
        # By its uid: a late status must not land on a successor of the same name.
        written = await self._client.replace_status(
            EVENTING, key.name, status, namespace=key.namespace, uid=uid_of(eventing)
        )
        self._written[key] = written
        log.debug("status is written", state=status["state"])
        self._on_report(eventing, written)
        for condition in transitions(eventing, written):
            kind: EventType = "Normal" if written["status"]["state"] in _QUIET else "Warning"
            await self._events.write(written, kind, condition["reason"], condition["message"])
        return written

    async def claim(self, eventing: Object, settings: str | None = None) -> Object:
        """Put our finalizer on an Eventing, and note the settings by which it has NATS, if any are given."""
        metadata: dict[str, Any] = {}
        if not has_finalizer(eventing, FINALIZER):
            metadata["finalizers"] = [*finalizers_of(eventing), FINALIZER]
        if settings is not None and not is_noted(eventing, settings):
            metadata["annotations"] = {SETTINGS_ANNOTATION: settings}
        return await self._patch_metadata(eventing, metadata) if metadata else eventing

    async def let_go(self, eventing: Object) -> None:
        """Take our finalizer off an Eventing, so that its deletion can end."""
        key = ObjectKey.of(eventing)
        try:
            # Read anew: the pass that gets here has written to it.
            current = await self._client.get(EVENTING, key.name, key.namespace)
            if uid_of(current) != uid_of(eventing):
                return  # another one by that name
            kept = [finalizer for finalizer in finalizers_of(current) if finalizer != FINALIZER]
            await self._patch_metadata(current, {"finalizers": kept or None})
        except NotFoundError:
            return

    async def _patch_metadata(self, eventing: Object, metadata: dict[str, Any]) -> Object:
        # A list is replaced as a whole, so it must be the one that was read.
        version = {"resourceVersion": eventing["metadata"]["resourceVersion"]}
        return await self._patch(eventing, {"metadata": version | metadata})

    async def _patch(self, eventing: Object, patch: dict[str, Any]) -> Object:
        key = ObjectKey.of(eventing)
        written = await self._client.merge_patch(EVENTING, key.name, patch, namespace=key.namespace)
        self._written[key] = written
        return written


def _tells_more(written: Object, seen: Object) -> bool:
    """Tell whether an answer is ahead of the watch.

    A deletion that ends with the answer, as the last finalizer was taken off, has the version of before.
    """
    ahead = version_of(written) - version_of(seen)
    return ahead > 0 or (ahead == 0 and finalizers_of(written) != finalizers_of(seen))
