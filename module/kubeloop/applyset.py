"""Apply a set of objects as one, and prune what is no longer in it: KEP-3659.

The set has a parent object. Its annotations name the kinds and namespaces which members may be in, and a
label on each member names the set: that survives restarts, and kubectl understands it. Annotations are hints,
though, which anybody may lose or write: an owner who knows where its members are says so by a ``Scope``.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from kubeloop.client import named
from kubeloop.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    ForeignObjectError,
    KindAbsentError,
    NotFoundError,
)
from kubeloop.logs import get_logger
from kubeloop.ordering import install_order
from kubeloop.resource import (
    Kind,
    Object,
    ObjectKey,
    annotations_of,
    controller_owner,
    describe,
    is_deleting,
    labels_of,
    uid_of,
)
from kubeloop.takeover import taken_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from kubeloop.client import Client

log = get_logger(__name__)

ID_LABEL: Final = "applyset.kubernetes.io/id"
PART_OF_LABEL: Final = "applyset.kubernetes.io/part-of"
TOOLING_ANNOTATION: Final = "applyset.kubernetes.io/tooling"
KINDS_ANNOTATION: Final = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES_ANNOTATION: Final = "applyset.kubernetes.io/additional-namespaces"

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAMESPACE: Final = re.compile(_LABEL)
_GROUP_KIND: Final = re.compile(rf"[A-Za-z][-A-Za-z0-9]*(\.{_LABEL}(\.{_LABEL})*)?")


def applyset_id(parent: Object) -> str:
    """Return the id of the set whose parent an object is; two objects never share one."""
    kind, key = Kind.of(parent), ObjectKey.of(parent)
    digest = hashlib.sha256(f"{key.name}.{key.namespace}.{kind.kind}.{kind.group}".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of the objects of an ``apply``."""

    objects: list[Object]
    """As the API server has them now."""

    absent: list[Object]
    """Left out, as the API server does not serve their kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where members of a set are, as its owner knows whatever the parent's annotations say."""

    kinds: tuple[Kind, ...]

    namespaces: tuple[str, ...]
    """The parent's own, too, where members may be in it."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Group-kinds of which one name alone may be a member, so that no other need be listed."""


@dataclass(frozen=True, slots=True)
class _Hints:
    """Where members may be, as it is written on the parent."""

    kinds: frozenset[str]
    namespaces: frozenset[str]

    @classmethod
    def written_on(cls, parent: Object) -> _Hints:
        """Read the annotations, without what cannot be the name of a kind or a namespace."""
        annotations = annotations_of(parent)
        return cls(
            _items(annotations.get(KINDS_ANNOTATION, ""), _GROUP_KIND),
            _items(annotations.get(NAMESPACES_ANNOTATION, ""), _NAMESPACE),
        )

    @classmethod
    def of(cls, objects: Iterable[Object], parent_namespace: str) -> _Hints:
        objects = list(objects)
        namespaces = {ObjectKey.of(obj).namespace for obj in objects} - {"", parent_namespace}
        return cls(frozenset(Kind.of(obj).group_kind for obj in objects), frozenset(namespaces))

    def __or__(self, other: _Hints) -> _Hints:
        return _Hints(self.kinds | other.kinds, self.namespaces | other.namespaces)


class ApplySet:
    """The objects that belong to a parent object, of which there may be none.

    ``tooling`` is ``name/version``, and its name the field manager. Members are searched in the ``scope`` and
    in what the parent's annotations name; without a scope, in the parent's own namespace beside those.
    ``propagation`` Foreground makes a pruned object count as there until its dependents are gone.
    """

    def __init__(
        self,
        client: Client,
        parent: Object,
        *,
        tooling: str,
        scope: Scope | None = None,
        propagation: str = "Foreground",
        on_prune: Callable[[Object], None] = lambda _obj: None,
    ) -> None:
        self.id = applyset_id(parent)
        self._client = client
        self._kind = Kind.of(parent)
        self._key = ObjectKey.of(parent)
        self._tooling = tooling
        self._field_manager = tooling.partition("/")[0]
        # One without a namespace has none of its own to search.
        own = (self._key.namespace,) if self._key.namespace else ()
        self._scope = scope or Scope(kinds=(), namespaces=own)
        self._propagation = propagation
        self._on_prune = on_prune

    async def apply(
        self, objects: Sequence[Object], *, adopt: Callable[[Object], bool] = lambda _existing: False
    ) -> Applied:
        """Apply objects in the given order, as members of the set.

        Raises ForeignObjectError, having applied nothing, for the first one that exists and is not a member,
        unless ``adopt(existing)`` allows to take it over. Objects of kinds that are not served are left out.
        """
        served, absent = await self._sort_out(objects)
        existing = [await self._require_ours(obj, adopt) for obj in served]
        parent = await self._read_parent()
        # Before the first member exists: were we killed in between, its kind would be searched for nothing.
        await self._write_hints(parent, _Hints.written_on(parent) | self._hints_for(served))
        for obj in filter(None, existing):
            await self._take_over(obj)
        applied = [await self._apply_one(obj) for obj in served]
        return Applied(objects=applied, absent=absent)

    async def preview(
        self, obj: Object, *, adopt: Callable[[Object], bool] = lambda _existing: False
    ) -> tuple[Object | None, Object]:
        """Return an object as it is, None where it is not, and as ``apply`` would leave it; write nothing.

        What others added to it beside our fields is shown as staying, which ``apply`` removes.
        """
        existing = await self._require_ours(obj, adopt)
        return existing, await self._apply_one(obj, dry_run=True)

    def hints_are_current(self, parent: Object, objects: Iterable[Object]) -> bool:
        """Tell by a copy of the parent whether it is marked as it is once these objects are all of the set.

        It sends nothing. Where it is not, ``apply`` and ``prune`` put it right.
        """
        return self._bears(parent, self._hints_for(objects))

    async def prune(self, keep: Iterable[Object] = ()) -> list[Object]:
        """Delete the members that are not among ``keep``, and return those which are still there.

        It does not wait: call again when one of them changes, until nothing is left. Then the kinds and
        namespaces that only they were in are taken off the parent. Raises ForeignObjectError, having deleted
        nothing, for an object that bears the label of the set and is not ours.
        """
        keep = list(keep)
        parent = await self._read_parent()
        kept = {_identity(obj) for obj in keep}
        leftover = await self._members_except(parent, kept)
        doomed = [obj for obj in leftover if not is_deleting(obj)]
        for obj in sorted(doomed, key=install_order, reverse=True):
            await self._delete(obj)
        if doomed:
            leftover = await self._members_except(parent, kept)
        if not leftover:
            served, _ = await self._sort_out(keep)
            await self._write_hints(parent, self._hints_for(served))
        return leftover

    async def members(self) -> list[Object]:
        """Return all members, found by their label.

        Raises ForeignObjectError for an object that bears it and is not ours.
        """
        return await self._members_except(await self._read_parent(), set())

    async def _sort_out(self, objects: Iterable[Object]) -> tuple[list[Object], list[Object]]:
        """Split objects by whether their kind is served."""
        served: list[Object] = []
        absent: list[Object] = []
        for obj in objects:
            try:
                await self._client.served(Kind.of(obj))
            except KindAbsentError:
                absent.append(obj)
            else:
                served.append(obj)
        return served, absent

    async def _require_ours(self, obj: Object, adopt: Callable[[Object], bool]) -> Object | None:
        """Return the object as it exists, None if it does not; raise ForeignObjectError if it is not ours."""
        key = ObjectKey.of(obj)
        try:
            existing = await self._client.get(Kind.of(obj), key.name, key.namespace)
        except NotFoundError:
            return None
        owner = self._owner_beside_us(existing)
        if owner is not None and not adopt(existing):
            raise ForeignObjectError(describe(obj), owner)
        return existing

    async def _take_over(self, existing: Object) -> None:
        """Make what others added to an object ours, so that applying removes it: drift is not edits alone."""
        kind, key = Kind.of(existing), ObjectKey.of(existing)
        fields = taken_over(_managed_fields(existing), self._field_manager, kind.api_version)
        if fields is None:
            return
        metadata = {"managedFields": fields, "resourceVersion": existing["metadata"]["resourceVersion"]}
        with contextlib.suppress(NotFoundError):
            await self._client.merge_patch(kind, key.name, {"metadata": metadata}, namespace=key.namespace)

    def _owner_beside_us(self, existing: Object) -> str | None:
        """Return whose an object is, None if it is ours, even if someone took our label off."""
        part_of = labels_of(existing).get(PART_OF_LABEL)
        if part_of is not None and part_of != self.id:
            return f"the ApplySet {part_of}"
        if self._has_applied(existing):
            return None
        owner = controller_owner(existing)
        if owner is not None:
            return _named(owner)
        if part_of == self.id:
            return None  # restored from a backup, as it may be
        named = labels_of(existing).get("app.kubernetes.io/managed-by")
        return named or _first_manager(existing)

    def _require_members(self, found: Iterable[Object], parent: Object) -> None:
        """Raise ForeignObjectError for the first of the objects with our label that is not ours to delete."""
        advice = (
            f"it bears the label of the set of {describe(parent)}:"
            f" take the label {PART_OF_LABEL} off it, or delete it"
        )
        for obj in found:
            owner = controller_owner(obj)
            if owner is not None and owner["uid"] != uid_of(parent):
                raise ForeignObjectError(describe(obj), _named(owner), advice)
            if _managed_fields(obj) and not self._has_applied(obj):
                raise ForeignObjectError(describe(obj), _first_manager(obj), advice)

    def _has_applied(self, obj: Object) -> bool:
        """Tell whether our field manager has applied an object, as far as its managed fields say."""
        return any(
            entry["manager"] == self._field_manager and entry["operation"] == "Apply"
            for entry in _managed_fields(obj)
        )

    async def _apply_one(self, obj: Object, *, dry_run: bool = False) -> Object:
        metadata = obj["metadata"]
        labels = {**labels_of(obj), PART_OF_LABEL: self.id}
        member = {**obj, "metadata": {**metadata, "labels": labels}}
        # By force: a field that someone else took over is drift, and the object itself is ours.
        return await self._client.apply(
            member, field_manager=self._field_manager, force=True, dry_run=dry_run
        )

    async def _delete(self, obj: Object) -> None:
        key = ObjectKey.of(obj)
        try:
            await self._client.delete(
                Kind.of(obj),
                key.name,
                namespace=key.namespace,
                uid=uid_of(obj),
                propagation=self._propagation,
            )
        except (NotFoundError, ConflictError, KindAbsentError):
            return  # gone, or another object by now: the next listing tells
        self._on_prune(obj)
        log.info("object is pruned", object=describe(obj))

    async def _members_except(self, parent: Object, kept: set[tuple[str, ObjectKey]]) -> list[Object]:
        hints = _Hints.written_on(parent)
        found: list[Object] = []
        for kind in await self._kinds_to_search(hints):
            with contextlib.suppress(KindAbsentError):  # its objects went with it
                for namespace in await self._namespaces_to_search(kind, hints):
                    found += await self._members_in(kind, namespace, parent)
        members = [obj for obj in found if _identity(obj) not in kept]
        self._require_members(members, parent)
        return members

    async def _kinds_to_search(self, hints: _Hints) -> list[Kind]:
        known = {kind.group_kind: kind for kind in self._scope.kinds}
        found = [await self._served(name, known.get(name)) for name in sorted(known.keys() | hints.kinds)]
        return [kind for kind in found if kind is not None]

    async def _served(self, group_kind: str, known: Kind | None) -> Kind | None:
        """Return a kind in a version that is served, None where none is."""
        name, _, group = group_kind.partition(".")
        if known is not None:
            with contextlib.suppress(KindAbsentError):
                return (await self._client.served(known)).kind
        with contextlib.suppress(KindAbsentError):
            return await self._client.preferred(group, name)
        return None

    async def _namespaces_to_search(self, kind: Kind, hints: _Hints) -> list[str] | list[None]:
        if not (await self._client.served(kind)).namespaced:
            return [None]
        # The parent's own namespace is in the scope or nowhere: the convention never writes it down.
        return sorted({*self._scope.namespaces, *hints.namespaces - {self._key.namespace}})

    async def _members_in(self, kind: Kind, namespace: str | None, parent: Object) -> list[Object]:
        name = self._scope.names.get(kind.group_kind)
        try:
            found = await self._client.list(
                kind,
                namespace=namespace,
                label_selector=f"{PART_OF_LABEL}={self.id}",
                field_selector=named(name) if name else None,
            )
        except ForbiddenError as error:
            for annotation in self._hints_naming(kind, namespace):
                error.explain(
                    f"it is the annotation {annotation} of {describe(parent)} that names it:"
                    " take it out there, or allow to list it"
                )
            raise
        except ApiError as error:
            if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
                return []  # objects of this kind are asked for, and never kept
            raise
        return found.items

    def _hints_naming(self, kind: Kind, namespace: str | None) -> Iterator[str]:
        """Yield the annotations without which a kind would not be searched in a namespace."""
        if kind.group_kind not in {known.group_kind for known in self._scope.kinds}:
            yield KINDS_ANNOTATION
        if namespace is not None and namespace not in self._scope.namespaces:
            yield NAMESPACES_ANNOTATION

    def _hints_for(self, objects: Iterable[Object]) -> _Hints:
        return _Hints.of(objects, self._key.namespace)

    async def _read_parent(self) -> Object:
        parent = await self._client.get(self._kind, self._key.name, self._key.namespace)
        tool = annotations_of(parent).get(TOOLING_ANNOTATION, "").partition("/")[0]
        if tool not in {"", self._field_manager}:
            raise ForeignObjectError(f"the ApplySet of {describe(parent)}", tool)
        return parent

    def _marks(self, hints: _Hints) -> tuple[dict[str, str], dict[str, str]]:
        """Return the labels and annotations that a parent bears."""
        return {ID_LABEL: self.id}, {
            TOOLING_ANNOTATION: self._tooling,
            KINDS_ANNOTATION: ",".join(sorted(hints.kinds)),
            NAMESPACES_ANNOTATION: ",".join(sorted(hints.namespaces)),
        }

    def _bears(self, parent: Object, hints: _Hints) -> bool:
        labels, annotations = self._marks(hints)
        return (
            labels.items() <= labels_of(parent).items()
            and annotations.items() <= annotations_of(parent).items()
        )

    async def _write_hints(self, parent: Object, hints: _Hints) -> None:
        if self._bears(parent, hints):
            return
        labels, annotations = self._marks(hints)
        version = parent["metadata"]["resourceVersion"]
        metadata = {"labels": labels, "annotations": annotations, "resourceVersion": version}
        await self._client.merge_patch(
            self._kind, self._key.name, {"metadata": metadata}, namespace=self._key.namespace
        )


def _items(text: str, pattern: re.Pattern[str]) -> frozenset[str]:
    """Return the items of a hint that can be what it names; nothing is where the others would lead."""
    items = (item.strip() for item in text.split(","))
    return frozenset(item for item in items if pattern.fullmatch(item))


def _identity(obj: Object) -> tuple[str, ObjectKey]:
    return Kind.of(obj).group_kind, ObjectKey.of(obj)


def _managed_fields(obj: Object) -> list[Object]:
    return obj["metadata"].get("managedFields") or []


def _first_manager(obj: Object) -> str:
    return next((str(entry["manager"]) for entry in _managed_fields(obj)), "someone else")


def _named(owner: Object) -> str:
    return f"{owner['kind']} {owner['name']}"
