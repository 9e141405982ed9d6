"""Read and write Eventing resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventing_manager.names import EVENTING, FINALIZER, SETTINGS_ANNOTATION
from eventing_manager.spec import is_noted
from eventing_manager.status import status_patch
from kubeloop.errors import NotFoundError
from kubeloop.logs import get_logger
from kubeloop.resource import ObjectKey, finalizers_of, has_finalizer, uid_of, version_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from eventing_manager.events import Recorder
    from eventing_manager.status import Report
    from kubeloop.client import Client
    from kubeloop.reflector import Reflector
    from kubeloop.resource import Object


log = get_logger(__name__)


class Eventings:
    """The Eventings of the cluster, as fresh as what this manager wrote itself.

    A watch tells of our own writes a moment late. Without them the next pass would take its own status for
    missing and write it again, with another time in it.
    """

    def __init__(
        self,
        client: Client,
        reflector: Reflector,
        recorder: Recorder,
        *,
        clock: Callable[[], datetime],
        on_report: Callable[[Object, Object], None] = lambda _before, _after: None,
    ) -> None:
        self._client = client
        self._reflector = reflector
        self._recorder = recorder
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
        patch = status_patch(eventing, report, now=self._clock())
        if patch is None:
            return eventing
        written = await self._patch(eventing, patch, subresource="status")
        log.debug("status is written", fields=sorted(patch["status"]))
        self._on_report(eventing, written)
        await self._recorder.record(eventing, written)
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

    async def _patch(self, eventing: Object, patch: dict[str, Any], subresource: str | None = None) -> Object:
        key = ObjectKey.of(eventing)
        written = await self._client.merge_patch(
            EVENTING, key.name, patch, namespace=key.namespace, subresource=subresource
        )
        self._written[key] = written
        return written


def _tells_more(written: Object, seen: Object) -> bool:
    """Tell whether an answer is ahead of the watch.

    A deletion that ends with the answer, as the last finalizer was taken off, has the version of before.
    """
    ahead = version_of(written) - version_of(seen)
    return ahead > 0 or (ahead == 0 and finalizers_of(written) != finalizers_of(seen))
