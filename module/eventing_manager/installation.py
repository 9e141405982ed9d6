"""Apply what the chart renders, and only when something differs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from eventing_manager import __version__
from eventing_manager.names import ADOPT_ANNOTATION, MANAGER
from eventing_manager.owned import INSTALLED_KINDS, NAMED_KINDS
from kubeloop.applyset import Applied, ApplySet, Scope
from kubeloop.logs import get_logger
from kubeloop.resource import Kind, ObjectKey, annotations_of, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventing_manager.owned import Copies
    from kubeloop.client import Client
    from kubeloop.resource import Object

log = get_logger(__name__)

_SERVER_SIDE: Final = frozenset({"resourceVersion", "generation", "managedFields"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _InPlace:
    """What was last applied for an Eventing, and what the API server made of it."""

    uid: str
    wanted: str
    live: tuple[str, ...]


class Installation:
    """The objects of the chart in the cluster: an ApplySet with the Eventing as its parent.

    Nearly every pass finds that nothing changed; then it sends nothing, because the watched copies still are
    what the API server answered when they were applied.
    """

    def __init__(
        self,
        client: Client,
        owned: Copies,
        namespace: str,
        *,
        on_prune: Callable[[Object], None] = lambda _obj: None,
    ) -> None:
        self._client = client
        self._owned = owned
        self._namespace = namespace
        self._on_prune = on_prune
        self._in_place: dict[ObjectKey, _InPlace] = {}

    async def install(self, eventing: Object, objects: Sequence[Object]) -> Applied:
        """Make the cluster have exactly these objects, and return them as they are there.

        Raises ForeignObjectError where one of them exists and is not ours.
        """
        key = ObjectKey.of(eventing)
        copies = [self._owned.find(Kind.of(obj), ObjectKey.of(obj)) for obj in objects]
        live = [copy for copy in copies if copy is not None]
        if self._in_place.get(key) == _in_place(eventing, objects, live):
            log.debug("every object is in place", objects=len(live))
            return Applied(objects=live, absent=[])
        self._in_place.pop(key, None)
        applyset = self._applyset(eventing)
        applied = await applyset.apply(objects, adopt=_may_be_adopted)
        if not await applyset.prune(keep=objects) and not applied.absent:
            self._in_place[key] = _in_place(eventing, objects, applied.objects)
        return applied

    async def preview(self, eventing: Object, obj: Object) -> tuple[Object | None, Object]:
        """Return an object as it is, None where it is not, and as ``install`` would make it.

        Raises ForeignObjectError where it exists and is not ours.
        """
        return await self._applyset(eventing).preview(obj, adopt=_may_be_adopted)

    async def remove(self, eventing: Object) -> list[Object]:
        """Delete every object, last applied first, and return those that are still there."""
        self._in_place.pop(ObjectKey.of(eventing), None)
        return await self._applyset(eventing).prune()

    def copy_of(self, kind: Kind, key: ObjectKey) -> Object | None:
        """Return an object as it was watched last, None if there was none; it may be late."""
        return self._owned.find(kind, key)

    def is_watched(self, objects: Sequence[Object]) -> bool:
        """Tell whether there is a copy of each: until then nothing would tell that one is deleted."""
        return all(self._owned.find(Kind.of(obj), ObjectKey.of(obj)) is not None for obj in objects)

    async def members(self, eventing: Object) -> list[Object]:
        """Return every object there is, as the API server knows them now."""
        return await self._applyset(eventing).members()

    def _applyset(self, eventing: Object) -> ApplySet:
        return ApplySet(
            self._client,
            eventing,
            on_prune=self._on_prune,
            tooling=f"{MANAGER}/v{__version__}",
            scope=Scope(
                kinds=(*INSTALLED_KINDS, *NAMED_KINDS),
                namespaces=(self._namespace,),
                names={kind.group_kind: name for kind, name in NAMED_KINDS.items()},
            ),
        )


def _in_place(eventing: Object, objects: Sequence[Object], live: Sequence[Object]) -> _InPlace:
    return _InPlace(
        uid=uid_of(eventing),
        wanted=json.dumps(objects, sort_keys=True),
        live=tuple(_content(obj) for obj in live),
    )


def _content(obj: Object) -> str:
    """Return what of an object is worth applying again for: not its status, not the server's book-keeping."""
    metadata: dict[str, Any] = {
        name: value for name, value in obj["metadata"].items() if name not in _SERVER_SIDE
    }
    return json.dumps({**obj, "metadata": metadata, "status": None}, sort_keys=True)


def _may_be_adopted(existing: Object) -> bool:
    return annotations_of(existing).get(ADOPT_ANNOTATION) == "true"
