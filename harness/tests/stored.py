"""A cluster that is a dictionary: for decisions about what is there, which need no API server."""

import asyncio
import copy
from contextlib import asynccontextmanager

from kubeloop.client.answers import ObjectList, WatchEvent
from kubeloop.errors import ConflictError, KindAbsentError, NotFoundError, ServerError, UnreachableError
from kubeloop.resource import Kind, ObjectKey
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.pair import BUILTIN_MANIFESTS

CLUSTER_SCOPED = {
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "Node",
    "StorageClass",
}
KYMA_VERSION = "operator.kyma-project.io/v1alpha1"
KYMA_DEFINITIONS = [
    item
    for file in sorted(BUILTIN_MANIFESTS.glob("*.yaml"))
    for item in parse_objects(file.read_text(), file.name)
    if item["kind"] == "CustomResourceDefinition"
]
ABSENT = {"Kyma", "Manifest", "ModuleTemplate"}
"""Kinds that are served once a definition of them is there."""


class StoredCluster:
    """Answer as an API server would, at once, and remember which objects were to be deleted.

    `held` are objects that do not go when they are deleted, as a finalizer would hold them; `dead` are groups
    with a version whose server does not answer.
    """

    server = "https://stored"

    def __init__(self, *objects, held=(), dead=()):
        self.objects = {}
        self.deleted = []
        self.held = set(held)
        self.dead = dict(dead)
        self.logs = {}
        """What containers have written, by pod, container and whether it is of the start before."""
        self.chunk, self.breaks_off, self.never_ends = 65536, False, False
        self._events = []
        self._changed = asyncio.Event()
        for obj in objects:
            self.put(obj)

    def put(self, obj):
        """Have an object there, whoever made it."""
        made = copy.deepcopy(obj)
        number = len(self._events) + 1
        made["metadata"].setdefault("uid", f"uid-{number}")
        made["metadata"].setdefault("creationTimestamp", "2022-12-01T00:00:00Z")
        made["metadata"]["resourceVersion"] = str(number)
        self.objects[_place(made)] = made
        self._tell("MODIFIED", made)
        return made

    def take(self, obj):
        """Have an object gone, whoever took it away."""
        self._tell("DELETED", self.objects.pop(_place(obj)))

    def names(self):
        return sorted(f"{kind} {key}" for kind, key in self.objects)

    async def get(self, kind, name, namespace=None):
        self._check_served(kind)
        found = self.objects.get((kind.group_kind, ObjectKey(_scope(kind.kind, namespace), name)))
        if found is None:
            raise _refused(NotFoundError, 404, "NotFound", f"{kind.kind} {name}")
        return copy.deepcopy(found)

    async def list(self, kind, *, namespace=None, field_selector=None, label_selector=None, **_):
        self._check_served(kind)
        name = (field_selector or "").removeprefix("metadata.name=")
        found = [
            copy.deepcopy(obj)
            for (group_kind, key), obj in self.objects.items()
            if group_kind == kind.group_kind
            and namespace in (None, key.namespace)
            and name in ("", key.name)
            and (not label_selector or _is_selected(obj, label_selector))
        ]
        return ObjectList(items=found, resource_version=str(len(self._events)))

    async def watch(self, kind, *, namespace=None, resource_version=None, field_selector=None, **_):
        name, seen = (field_selector or "").removeprefix("metadata.name="), int(resource_version or 0)
        while True:
            news, seen = self._events[seen:], len(self._events)
            for event in news:
                key = ObjectKey.of(event.object)
                is_it = name in ("", key.name) and namespace in (None, key.namespace)
                if is_it and Kind.of(event.object).group_kind == kind.group_kind:
                    yield copy.deepcopy(event)
            self._changed.clear()
            if seen == len(self._events):
                await self._changed.wait()

    async def create(self, obj, **_):
        return self.put(obj)

    async def apply(self, obj, **_):
        self._check_served(Kind.of(obj))
        found = self.objects.get(_place(obj))
        uid = {"uid": found["metadata"]["uid"]} if found else {}
        return copy.deepcopy(self.put({**obj, "metadata": {**obj["metadata"], **uid}}))

    async def merge_patch(self, kind, name, patch, *, namespace=None, **_):
        found = await self.get(kind, name, namespace)
        return self.put(_merged(found, patch))

    async def delete(self, kind, name, *, namespace=None, uid=None, **_):
        found = await self.get(kind, name, namespace)
        if uid not in (None, found["metadata"]["uid"]):
            raise _refused(ConflictError, 409, "Conflict", f"{kind.kind} {name}")
        place = _place(found)
        self.deleted.append(f"{kind.kind} {place[1]}")
        if place in self.held:
            held = self.objects[place]
            self.put({**held, "metadata": {**held["metadata"], "deletionTimestamp": "2022-12-01T00:00:00Z"}})
            return
        inside = [at for at in self.objects if kind.kind == "Namespace" and at[1].namespace == name]
        for gone in (*inside, place):
            self._tell("DELETED", self.objects.pop(gone))

    async def request(self, _method, path, **_):
        """Answer discovery, and lists by their path."""
        if path == "/apis":
            versions = {*self._versions(), *(one for one in self.dead if one.count("/") == 1)}
            return {"groups": [_group(version) for version in sorted(versions)]}
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version in self.dead:
            raise self.dead[version]
        resources = self._resources()
        if version in {"v1", *self._versions()}:
            return {"resources": resources.get(version, [])}
        version, _, plural = version.rpartition("/")
        kinds = {one["kind"] for one in resources.get(version, []) if one["name"] == plural}
        group = version.rpartition("/")[0]
        return {
            "items": [
                {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}
                for obj in self.objects.values()
                if obj["kind"] in kinds and Kind.of(obj).group == group
            ]
        }

    async def stream(self, _method, path, *, query=None, **_):
        """Yield a log as a kubelet slices it: by whole seconds, the last lines, of these the first bytes."""
        query = query or {}
        pod = path.split("/")[-2]
        log = self.logs.get((pod, query["container"], query.get("previous") == "true"), b"")
        if isinstance(log, Exception):
            raise log
        since = query.get("sinceTime", "").removesuffix("Z").encode()
        lines = [line for line in log.splitlines(keepends=True) if line[: len(since)] >= since]
        if tail := query.get("tailLines"):
            lines = lines[-int(tail) :]
        content = b"".join(lines)[: int(query.get("limitBytes", len(log)))]
        for start in range(0, len(content), self.chunk):
            yield content[start : start + self.chunk]
        if self.breaks_off:
            raise UnreachableError(self.server, "it broke off")
        if self.never_ends:
            await asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def connected(self):
        yield self

    def _tell(self, what, obj):
        self._events.append(WatchEvent(type=what, object=copy.deepcopy(obj)))
        self._changed.set()

    def _check_served(self, kind):
        names = [obj["spec"]["names"]["kind"] for obj in self._definitions()]
        if kind.kind in ABSENT and kind.kind not in names:
            raise KindAbsentError(kind)

    def _definitions(self):
        return [obj for obj in self.objects.values() if obj["kind"] == "CustomResourceDefinition"]

    def _versions(self):
        return {obj["apiVersion"] for obj in self.objects.values() if "/" in obj["apiVersion"]}

    def _resources(self):
        found = {}
        for obj in self.objects.values():
            entry = {"name": f"{obj['kind'].lower()}s", "kind": obj["kind"], "verbs": ["list", "delete"]}
            if entry not in found.setdefault(obj["apiVersion"], []):
                found[obj["apiVersion"]].append(entry)
        return found


def an_object(kind, name, namespace=None, *, api_version="v1", **fields):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def unanswered(path):
    """Return what the API server says of a group whose own server does not answer."""
    return _refused(ServerError, 503, "ServiceUnavailable", "service unavailable", path)


def _refused(error, status, reason, subject, path="/"):
    return error(status, reason, f"{subject}: for reasons of {reason}", method="GET", path=path)


def _place(obj):
    key = ObjectKey.of(obj)
    return Kind.of(obj).group_kind, key


def _is_selected(obj, selector):
    """Tell whether an object has labels as in ``name=value,other``."""
    labels = obj["metadata"].get("labels") or {}
    pairs = [part.partition("=") for part in selector.split(",")]
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in pairs)


def _scope(kind, namespace):
    return "" if kind in CLUSTER_SCOPED else namespace or ""


def _group(version):
    return {"name": version.partition("/")[0], "preferredVersion": {"groupVersion": version}}


def _merged(found, patch):
    if not isinstance(patch, dict):
        return patch
    base = found if isinstance(found, dict) else {}
    changed = {name: _merged(base.get(name), value) for name, value in patch.items() if value is not None}
    gone = {name for name, value in patch.items() if value is None}
    return {name: value for name, value in {**base, **changed}.items() if name not in gone}
