"""Apply what the chart renders, and only when something differs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from eventing_manager.act.chart import chart_values
from eventing_manager.api.names import ADOPT_ANNOTATION
from eventing_manager.observe.copies import applyset_of
from kubeloop.applyset import Applied
from kubeloop.logs import get_logger
from kubeloop.resource import Kind, ObjectKey, annotations_of, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventing_manager.act.chart import Renderer
    from eventing_manager.act.credentials import CredentialsKeeper
    from eventing_manager.api.spec import EventingSpec
    from eventing_manager.observe.copies import Copies
    from eventing_manager.observe.kinds import OptionalKind
    from kubeloop.applyset import ApplySet
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
        copies: Copies,
        *,
        namespace: str,
        renderer: Renderer,
        credentials: CredentialsKeeper,
        on_prune: Callable[[Object], None] = lambda _obj: None,
    ) -> None:
        self._client = client
        self._copies = copies
        self._namespace = namespace
        self._renderer = renderer
        self._credentials = credentials
        self._on_prune = on_prune
        self._in_place: dict[ObjectKey, _InPlace] = {}

    async def objects(
        self, spec: EventingSpec, kinds: frozenset[OptionalKind], *, draining: bool = False
    ) -> list[Object]:
        """Return what is to be installed; ChartError and CredentialsError say why that cannot be told."""
        credentials = await self._credentials.current()
        values = chart_values(spec, credentials=credentials, served=kinds, draining=draining)
        return await self._renderer.render(values)

    async def install(self, eventing: Object, objects: Sequence[Object]) -> Applied:
        """Make the cluster have exactly these objects, and return them as they are there.

        Raises ForeignObjectError where one of them exists and is not ours.
        """
        key = ObjectKey.of(eventing)
        copies = [self._copies.find(Kind.of(obj), ObjectKey.of(obj)) for obj in objects]
        live = [copy for copy in copies if copy is not None]
        applyset = self._applyset(eventing)
        is_in_place = self._in_place.get(key) == _in_place(eventing, objects, live)
        if is_in_place and applyset.hints_are_current(eventing, live):
            log.debug("every object is in place", objects=len(live))
            return Applied(objects=live, absent=[])
        self._in_place.pop(key, None)
        applied = await applyset.apply(objects, adopt=_may_be_adopted)
        if not await applyset.prune(keep=objects) and not applied.absent:
            self._in_place[key] = _in_place(eventing, objects, applied.objects)
        return applied

    def is_complete(self, applied: Applied) -> bool:
        """Tell whether all is applied and has a copy: until then nothing would tell that one is deleted."""
        return not applied.absent and all(
            self._copies.find(Kind.of(obj), ObjectKey.of(obj)) is not None for obj in applied.objects
        )

    async def preview(self, eventing: Object, obj: Object) -> tuple[Object | None, Object]:
        """Return an object as it is, None where it is not, and as ``install`` would make it.

        Raises ForeignObjectError where it exists and is not ours.
        """
        return await self._applyset(eventing).preview(obj, adopt=_may_be_adopted)

    async def remove(self, eventing: Object) -> None:
        """Delete every object, last applied first; they may take their time to go."""
        self._in_place.pop(ObjectKey.of(eventing), None)
        await self._applyset(eventing).prune()

    def _applyset(self, eventing: Object) -> ApplySet:
        return applyset_of(self._client, eventing, self._namespace, on_prune=self._on_prune)


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
