"""Name Kubernetes objects and read the parts of them that every controller reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

Object = dict[str, Any]
"""A Kubernetes object as the API server sends it: JSON, decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object in one version of its API; the core group is ``""``."""

    group: str
    version: str
    kind: str

    @classmethod
    def parse(cls, api_version: str, kind: str) -> Kind:
        """Return the kind that an object's ``apiVersion`` and ``kind`` name."""
        group, _, version = api_version.rpartition("/")
        return cls(group=group, version=version, kind=kind)

    @classmethod
    def of(cls, obj: Object) -> Kind:
        """Return the kind of an object."""
        return cls.parse(obj["apiVersion"], obj["kind"])

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of objects of this kind, ``apps/v1`` or ``v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> str:
        """The kind without its version, ``StatefulSet.apps`` or ``Pod``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def __str__(self) -> str:
        return f"{self.kind}.{self.api_version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedKind:
    """A kind as discovery describes it: where its objects are served."""

    kind: Kind
    plural: str
    namespaced: bool

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the URL path of a collection, of an object in it, or of a subresource of that object.

        Without a namespace the collection of a namespaced kind spans all namespaces. Raises ValueError for a
        name that would lead elsewhere.
        """
        for segment in (namespace, name):
            if segment and (segment in {".", ".."} or not {"/", "%"}.isdisjoint(segment)):
                raise ValueError(f"{segment!r} cannot be the name of a {self.kind.kind} or of its namespace")
        parts = ["/apis" if self.kind.group else "/api", self.kind.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join([parts[0], parts[1], *(quote(part, safe=":") for part in parts[2:])])


class ObjectKey(NamedTuple):
    """Name an object within its kind; the namespace of a cluster-scoped one is ``""``.

    It is also what a controller is asked to reconcile: controller-runtime calls it a Request.
    """

    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Object) -> ObjectKey:
        """Return the key of an object."""
        metadata = obj["metadata"]
        return cls(metadata.get("namespace", ""), metadata["name"])

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def describe(obj: Object) -> str:
    """Return what a person calls an object: ``StatefulSet kyma-system/eventing-nats``."""
    return f"{obj['kind']} {ObjectKey.of(obj)}"


def labels_of(obj: Object) -> dict[str, str]:
    """Return the labels of an object; to be read, not written."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """Return the annotations of an object; to be read, not written."""
    return obj["metadata"].get("annotations") or {}


def finalizers_of(obj: Object) -> list[str]:
    """Return the finalizers of an object; to be read, not written."""
    return obj["metadata"].get("finalizers") or []


def uid_of(obj: Object) -> str:
    """Return the uid of an object read from the API server."""
    uid: str = obj["metadata"]["uid"]
    return uid


def version_of(obj: Object) -> int:
    """Return the resource version of an object read from the API server: of two, the later one is greater."""
    return int(obj["metadata"]["resourceVersion"])


def generation_of(obj: Object) -> int:
    """Return the generation of an object, 0 where its kind has none."""
    return int(obj["metadata"].get("generation", 0))


def is_deleting(obj: Object) -> bool:
    """Tell whether deletion of the object was asked for and waits for finalizers or a grace period."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def has_finalizer(obj: Object, finalizer: str) -> bool:
    """Tell whether a finalizer is on the object."""
    return finalizer in finalizers_of(obj)


def controller_owner(obj: Object) -> Object | None:
    """Return the owner reference of the one owner that controls the object, None without such."""
    owners = obj["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)
