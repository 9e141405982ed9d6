"""Apply a set of objects as one, and prune what is no longer in it: KEP-3659.

The set has a parent object. Its annotations name the kinds and namespaces which members may be in, and a
label on each member names the set: that survives restarts, and kubectl understands it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kubeloop.errors import ConflictError, ForeignObjectError, KindAbsentError, NotFoundError
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
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kubeloop.client import Client

log = get_logger(__name__)

ID_LABEL: Final = "applyset.kubernetes.io/id"
PART_OF_LABEL: Final = "applyset.kubernetes.io/part-of"
TOOLING_ANNOTATION: Final = "applyset.kubernetes.io/tooling"
KINDS_ANNOTATION: Final = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES_ANNOTATION: Final = "applyset.kubernetes.io/additional-namespaces"


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


@dataclass(frozen=True, slots=True)
class _Extent:
    """Where members of the set may be: written on the parent."""

    kinds: frozenset[str]
    namespaces: frozenset[str]

    @classmethod
    def written_on(cls, parent: Object) -> _Extent:
        annotations = annotations_of(parent)
        kinds, namespaces = (
            frozenset(filter(None, annotations.get(name, "").split(",")))
            for name in (KINDS_ANNOTATION, NAMESPACES_ANNOTATION)
        )
        return cls(kinds, namespaces)

    @classmethod
    def of(cls, objects: Iterable[Object], parent_namespace: str) -> _Extent:
        objects = list(objects)
        namespaces = {ObjectKey.of(obj).namespace for obj in objects} - {"", parent_namespace}
        return cls(frozenset(Kind.of(obj).group_kind for obj in objects), frozenset(namespaces))

    def __or__(self, other: _Extent) -> _Extent:
        return _Extent(self.kinds | other.kinds, self.namespaces | other.namespaces)


class ApplySet:
    """The objects that belong to a parent object, of which there may be none.

    ``tooling`` is ``name/version``, and its name the field manager. ``spans_parent_namespace`` off says that
    no member is ever in the parent's own namespace, so that no right to list objects there is needed.
    ``named`` are group-kinds of which one name alone may be a member, so that no other need be listed.
    ``propagation`` Foreground makes a pruned object count as there until its dependents are gone.
    """

    def __init__(
        self,
        client: Client,
        parent: Object,
        *,
        tooling: str,
        named: Mapping[str, str] | None = None,
        spans_parent_namespace: bool = True,
        propagation: str = "Foreground",
        on_prune: Callable[[Object], None] = lambda _obj: None,
    ) -> None:
        self.id = applyset_id(parent)
        self._client = client
        self._kind = Kind.of(parent)
        self._key = ObjectKey.of(parent)
        self._tooling = tooling
        self._field_manager = tooling.partition("/")[0]
        self._named = named or {}
        self._spans_parent_namespace = spans_parent_namespace
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
        await self._write_extent(parent, _Extent.written_on(parent) | self._extent_of(served))
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

    async def prune(self, keep: Iterable[Object] = ()) -> list[Object]:
        """Delete the members that are not among ``keep``, and return those which are still there.

        It does not wait: call again when one of them changes, until nothing is left. Then the kinds and
        namespaces that only they were in are taken off the parent.
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
            await self._write_extent(parent, self._extent_of(served))
        return leftover

    async def members(self) -> list[Object]:
        """Return all members, found by label among the kinds and namespaces written on the parent."""
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
        owner = self._foreign_owner(existing)
        if owner is not None and not adopt(existing):
            raise ForeignObjectError(describe(obj), owner)
        return existing

    async def _take_over(self, existing: Object) -> None:
        """Make what others added to an object ours, so that applying removes it: drift is not edits alone."""
        fields = taken_over(existing["metadata"].get("managedFields") or [], self._field_manager)
        if fields is None:
            return
        key = ObjectKey.of(existing)
        metadata = {"managedFields": fields, "resourceVersion": existing["metadata"]["resourceVersion"]}
        with contextlib.suppress(NotFoundError):
            await self._client.merge_patch(
                Kind.of(existing), key.name, {"metadata": metadata}, namespace=key.namespace
            )

    def _foreign_owner(self, existing: Object) -> str | None:
        """Return whose an object is, None if it is ours, even if someone took our label off."""
        part_of = labels_of(existing).get(PART_OF_LABEL)
        if part_of == self.id:
            return None
        if part_of is not None:
            return f"the ApplySet {part_of}"
        managers = existing["metadata"].get("managedFields") or []
        if any(
            entry["manager"] == self._field_manager and entry["operation"] == "Apply" for entry in managers
        ):
            return None
        owner = controller_owner(existing)
        if owner is not None:
            return f"{owner['kind']} {owner['name']}"
        named = labels_of(existing).get("app.kubernetes.io/managed-by")
        return named or next((str(entry["manager"]) for entry in managers), "someone else")

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
        extent = _Extent.written_on(parent)
        found: list[Object] = []
        for group_kind in sorted(extent.kinds):
            name, _, group = group_kind.partition(".")
            try:
                kind = await self._client.preferred(group, name)
                found += await self._members_of(kind, extent)
            except KindAbsentError:
                continue  # its objects went with it
        return [obj for obj in found if _identity(obj) not in kept]

    async def _members_of(self, kind: Kind, extent: _Extent) -> list[Object]:
        namespaces: list[str | None] = [None]
        if (await self._client.served(kind)).namespaced:
            own = {self._key.namespace} if self._spans_parent_namespace else set()
            namespaces = [*sorted(extent.namespaces | own)]
        name = self._named.get(kind.group_kind)
        selectors = {
            "label_selector": f"{PART_OF_LABEL}={self.id}",
            "field_selector": f"metadata.name={name}" if name else None,
        }
        lists = [await self._client.list(kind, namespace=ns, **selectors) for ns in namespaces]
        return [obj for found in lists for obj in found.items]

    def _extent_of(self, objects: Iterable[Object]) -> _Extent:
        return _Extent.of(objects, self._key.namespace)

    async def _read_parent(self) -> Object:
        parent = await self._client.get(self._kind, self._key.name, self._key.namespace)
        tool = annotations_of(parent).get(TOOLING_ANNOTATION, self._field_manager).partition("/")[0]
        if tool != self._field_manager:
            raise ForeignObjectError(f"the ApplySet of {describe(parent)}", tool)
        return parent

    async def _write_extent(self, parent: Object, extent: _Extent) -> None:
        labels = {ID_LABEL: self.id}
        annotations = {
            TOOLING_ANNOTATION: self._tooling,
            KINDS_ANNOTATION: ",".join(sorted(extent.kinds)),
            NAMESPACES_ANNOTATION: ",".join(sorted(extent.namespaces)),
        }
        if (
            labels.items() <= labels_of(parent).items()
            and annotations.items() <= annotations_of(parent).items()
        ):
            return
        version = parent["metadata"]["resourceVersion"]
        metadata = {"labels": labels, "annotations": annotations, "resourceVersion": version}
        await self._client.merge_patch(
            self._kind, self._key.name, {"metadata": metadata}, namespace=self._key.namespace
        )


def _identity(obj: Object) -> tuple[str, ObjectKey]:
    return Kind.of(obj).group_kind, ObjectKey.of(obj)
