"""An API server in memory: what a controller can tell apart of a real one, in microseconds.

It stands in for the connection below :class:`kubeloop.client.Client`, so that everything above it is real:
discovery, lists, watches with selectors, server-side apply, patches with preconditions, finalizers.
"""

import asyncio
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import unquote

from kubeloop.client.answers import refusal_from_status
from kubeloop.resource import Kind

NAMESPACED = {
    "v1": {
        "ConfigMap": "configmaps", "Event": "events", "PersistentVolumeClaim": "persistentvolumeclaims",
        "Pod": "pods", "Secret": "secrets", "Service": "services",
    },
    "apps/v1": {"StatefulSet": "statefulsets"},
    "coordination.k8s.io/v1": {"Lease": "leases"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "operator.kyma-project.io/v1alpha1": {"Eventing": "eventings"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
}  # fmt: skip
REFUSED = "31415926535"
"""Whatever has this in it is not applied, as an API server refuses requests above limits."""

CLUSTERED = {"apiextensions.k8s.io/v1": {"CustomResourceDefinition": "customresourcedefinitions"}}
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?(?:/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?)?"
)


@dataclass(frozen=True)
class Place:
    """What a path leads to; without a name, a collection."""

    kind: Kind
    plural: str
    namespace: str
    name: str
    subresource: str


@dataclass(frozen=True)
class Change:
    """What became of an object, for watches."""

    version: int
    plural: str
    old: dict | None
    new: dict | None


class StageServer:
    """Hold objects, and answer as the API server does."""

    server = "https://stage"

    def __init__(self):
        self.objects = {}
        self.version = 100
        self.before = _nothing
        """Called with method and path of each request: it may raise, wait, or change something."""

        self.lag = 0.0
        """Seconds by which watches are late, but those of Eventings; what is listed or read is as it is."""

        self.requests = []
        """Methods and paths of all requests so far, ``WATCH`` for those that last."""

        self.changes = []
        self._applied = defaultdict(dict)
        self._changed = asyncio.Event()
        self._kinds = {
            version: {kind: (plural, True) for kind, plural in kinds.items()}
            for version, kinds in NAMESPACED.items()
        }
        for version, kinds in CLUSTERED.items():
            self._kinds[version] = {kind: (plural, False) for kind, plural in kinds.items()}

    # What the client calls.

    def guarded(self, _permit):
        return self

    def observed(self, _on_write):
        return self

    async def request(self, method, path, *, query=None, body=None, content_type="", **_):
        """Answer one request, after everybody else had a turn."""
        await asyncio.sleep(0)
        await self.before(method, path)
        query, body = dict(query or {}), _copy(body)
        self.requests.append((method, path))
        if path in {"/api/v1", *(f"/apis/{version}" for version in self._kinds)}:
            return self._resources(path.removeprefix("/apis/").removeprefix("/api/"))
        if re.fullmatch(r"/apis/[^/]+", path):
            return self._versions(path.removeprefix("/apis/"))
        place = self._place(path)
        return _copy(self._answer(method, place, query, body, content_type))

    def _answer(self, method, place, query, body, content_type):
        is_dry = "dryRun" in query
        match method:
            case "GET":
                return self._get(place) if place.name else self._list(place, query)
            case "POST":
                return self._create(place, body, is_dry=is_dry)
            case "DELETE":
                return self._delete(place, body or {})
            case "PUT":
                return self._write(place, body, replace=True, is_dry=is_dry)
            case _:
                return self._patch(place, query, body, content_type)

    def _patch(self, place, query, body, content_type):
        if content_type.startswith("application/json-patch"):
            return self._replace_status(place, body)
        if content_type.startswith("application/apply"):
            return self._apply(place, body, query["fieldManager"], is_dry="dryRun" in query)
        return self._write(place, body)

    async def stream(self, _method, path, *, query=None, **_):
        """Yield the lines of a watch, until its time is over or its kind is gone."""
        query = dict(query or {})
        self.requests.append(("WATCH", path))
        place = self._place(path)
        seen = int(query["resourceVersion"])
        end = asyncio.get_running_loop().time() + int(query["timeoutSeconds"])
        while place.kind.kind in self._kinds.get(place.kind.api_version, {}):
            for change in [one for one in self.changes if one.version > seen]:
                seen = change.version
                event = self._event(change, place, query)
                if event is not None:
                    if self.lag and place.plural != "eventings":
                        await asyncio.sleep(self.lag)
                    yield json.dumps(event).encode() + b"\n"
            changed = self._changed
            if seen == self.version or not any(one.version > seen for one in self.changes):
                try:
                    async with asyncio.timeout_at(end):
                        await changed.wait()
                except TimeoutError:
                    return

    # What others do: users, the StatefulSet controller.

    def put(self, obj):
        """Create an object, or replace its content whoever made it."""
        kind = Kind.of(obj)
        plural = self._kinds[kind.api_version][kind.kind][0]
        metadata = obj["metadata"]
        place = Place(kind, plural, metadata.get("namespace", ""), metadata["name"], "")
        if self._key(place) in self.objects:
            return self._write(place, _copy(obj), replace=True)
        return self._create(place, _copy(obj))

    def find(self, plural, name, namespace="kyma-system"):
        """Return an object as it is, None where there is none."""
        return self.objects.get((plural, namespace, name))

    def all(self, plural):
        """Return all objects of a kind."""
        return [obj for (of, _, _), obj in sorted(self.objects.items()) if of == plural]

    def change(self, plural, name, patch, namespace="kyma-system", *, status=False):
        """Merge a patch into an object, its status only where that is meant."""
        obj = self.find(plural, name, namespace)
        if obj is not None:
            place = Place(Kind.of(obj), plural, namespace, name, "status" if status else "")
            self._write(place, _copy(patch))

    def remove(self, plural, name, namespace="kyma-system"):
        """Ask for the deletion of an object."""
        obj = self.find(plural, name, namespace)
        if obj is not None:
            self._delete(Place(Kind.of(obj), plural, namespace, name, ""), {})

    def drop(self, plural, name, namespace="kyma-system"):
        """Make an object be gone, as its last finalizer was taken off."""
        self._store((plural, namespace, name), None)

    def serve(self, definition):
        """Serve the kind of a definition, which is created for it."""
        spec = definition["spec"]
        version = f"{spec['group']}/{spec['versions'][0]['name']}"
        self._kinds[version] = {spec["names"]["kind"]: (spec["names"]["plural"], True)}
        established = [{"type": "Established", "status": "True"}]
        self.put({**definition, "status": {"conditions": established}})

    def unserve(self, definition):
        """Take a definition away, and with it the objects of its kind."""
        spec = definition["spec"]
        for plural, namespace, name in list(self.objects):
            if plural == spec["names"]["plural"]:
                self.drop(plural, name, namespace)
        self._kinds.pop(f"{spec['group']}/{spec['versions'][0]['name']}", None)
        self.drop("customresourcedefinitions", definition["metadata"]["name"], "")

    async def until_changed(self):
        """Wait until anything is written."""
        await self._changed.wait()

    # How it is done.

    def _resources(self, version):
        if version not in self._kinds:
            raise self._refusal(404, "NotFound")
        found = [
            {"name": plural, "kind": kind, "namespaced": namespaced}
            for kind, (plural, namespaced) in self._kinds[version].items()
        ]
        return {"resources": found}

    def _versions(self, group):
        found = [version.rpartition("/")[2] for version in self._kinds if version.partition("/")[0] == group]
        if not found:
            raise self._refusal(404, "NotFound")
        return {"versions": [{"version": version} for version in found]}

    def _place(self, path):
        match = _PATH.fullmatch(path)
        version = (match["core"] or f"{match['group']}/{match['version']}") if match else ""
        for kind, (plural, _) in self._kinds.get(version, {}).items():
            if match["plural"] == plural:
                return Place(
                    Kind.parse(version, kind), plural, match["namespace"] or "",
                    unquote(match["name"] or ""), match["sub"] or "",
                )  # fmt: skip
        raise self._refusal(404, "NotFound")

    def _key(self, place):
        return place.plural, place.namespace, place.name

    def _get(self, place):
        found = self.objects.get(self._key(place))
        if found is None:
            raise self._refusal(404, "NotFound", name=place.name)
        return found

    def _list(self, place, query):
        found = [
            obj
            for (plural, namespace, _), obj in sorted(self.objects.items())
            if plural == place.plural and (not place.namespace or namespace == place.namespace)
        ]
        items = [obj for obj in found if _matches(obj, query)]
        return {"metadata": {"resourceVersion": str(self.version)}, "items": items}

    def _create(self, place, obj, *, is_dry=False):
        metadata = obj["metadata"]
        name = metadata.setdefault("name", f"{metadata.get('generateName', '')}{self.version}")
        key = (place.plural, place.namespace, name)
        if key in self.objects:
            raise self._refusal(409, "AlreadyExists", name=name)
        made = _with_defaults(obj, self.version + 1)
        return made if is_dry else self._store(key, made)

    def _write(self, place, patch, *, replace=False, replace_status=False, is_dry=False):
        old = self._get(place)
        self._require(old, patch.get("metadata", {}), place)
        new = _copy(patch) if replace else _merged(old, patch)
        if place.subresource == "status":
            new = {**_copy(old), "status": patch["status"] if replace_status else new.get("status")}
        elif place.plural == "eventings":
            new = {**new, "status": old.get("status", {})}
        new["metadata"] = _kept(old["metadata"], new["metadata"])
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        return new if is_dry else self._store(self._key(place), new)

    def _replace_status(self, place, operations):
        test, add = operations
        if self._get(place)["metadata"]["uid"] != test["value"]:
            raise self._refusal(422, "Invalid")
        return self._write(place, {"status": add["value"]}, replace_status=True)

    def _apply(self, place, body, manager, *, is_dry=False):
        if REFUSED in json.dumps(body):
            raise self._refusal(422, "Invalid", name=place.name)
        old = self.objects.get(self._key(place))
        last = self._applied[self._key(place)].get(manager, {}) if old is not None else {}
        entry = {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {}}}
        if old is None:
            made = _with_defaults(
                {**body, "metadata": {**body["metadata"], "managedFields": [entry]}}, self.version + 1
            )
            new = made if is_dry else self._store(self._key(place), made)
        else:
            new = _merged(_without(_copy(old), last, body), body)
            others = [one for one in old["metadata"].get("managedFields", []) if one["manager"] != manager]
            new["metadata"]["managedFields"] = [*others, entry]
            if new.get("spec") != old.get("spec"):
                new["metadata"]["generation"] = old["metadata"]["generation"] + 1
            new = new if is_dry else self._store(self._key(place), new)
        if not is_dry:
            self._applied[self._key(place)][manager] = _copy(body)
        return new

    def _delete(self, place, options):
        old = self._get(place)
        uid = options.get("preconditions", {}).get("uid")
        if uid not in {None, old["metadata"]["uid"]}:
            raise self._refusal(409, "Conflict", name=place.name)
        finalizers = list(old["metadata"].get("finalizers", []))
        if options.get("propagationPolicy") == "Foreground" and place.plural == "statefulsets":
            finalizers.append("foregroundDeletion")
        if not finalizers:
            self._store(self._key(place), None)
        elif "deletionTimestamp" not in old["metadata"]:
            metadata = {
                **old["metadata"],
                "finalizers": finalizers,
                "deletionTimestamp": "2022-12-24T12:00:00Z",
            }
            metadata["generation"] += 1
            self._store(self._key(place), {**old, "metadata": metadata})
        return {"kind": "Status", "status": "Success"}

    def _require(self, old, metadata, place):
        for field in ("resourceVersion", "uid"):
            if metadata.get(field) not in {None, old["metadata"][field]}:
                raise self._refusal(409, "Conflict", name=place.name)

    def _store(self, key, new):
        """Store an object, or that there is none; return it with its version."""
        old = self.objects.get(key)
        if (
            new is not None
            and new["metadata"].get("deletionTimestamp")
            and not new["metadata"].get("finalizers")
        ):
            answer, new = new, None
        else:
            answer = new
        if new is not None and old is not None and _content(new) == _content(old):
            return old
        self.version += 1
        if new is None:
            self._applied.pop(key, None)
            self.objects.pop(key, None)
        else:
            new["metadata"]["resourceVersion"] = str(self.version)
            self.objects[key] = new
        if old is not None or new is not None:
            self.changes.append(Change(self.version, key[0], _copy(old), _copy(new)))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return answer

    def _event(self, change, place, query):
        if change.plural != place.plural:
            return None
        was = change.old is not None and _matches(change.old, query, place.namespace)
        is_ = change.new is not None and _matches(change.new, query, place.namespace)
        if not was and not is_:
            return None
        obj = _copy(change.new if is_ else change.old)
        obj["metadata"]["resourceVersion"] = str(change.version)
        return {"type": "MODIFIED" if was and is_ else "ADDED" if is_ else "DELETED", "object": obj}

    def _refusal(self, code, reason, *, name=""):
        status = {
            "code": code,
            "reason": reason,
            "message": f"{reason} {name}",
            "details": {"name": name} if name else {},
        }
        return refusal_from_status(status, method="", path="", subject=name)


async def _nothing(_method, _path):
    """Let a request pass."""


def _copy(value):
    return json.loads(json.dumps(value))


def _matches(obj, query, namespace=""):
    metadata = obj["metadata"]
    if namespace and metadata.get("namespace") != namespace:
        return False
    label = query.get("labelSelector")
    if label:
        key, equals, value = label.partition("=")
        labels = metadata.get("labels") or {}
        if key not in labels or (equals and labels[key] != value):
            return False
    field = query.get("fieldSelector")
    return not field or field == f"metadata.name={metadata['name']}"


def _merged(old, patch):
    """Return an object with a merge patch in it: RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _without(obj, last, body):
    """Take out what was applied last and is no longer."""
    for name, value in last.items():
        if name not in body:
            obj.pop(name, None)
        elif isinstance(value, dict) and isinstance(body[name], dict) and isinstance(obj.get(name), dict):
            obj[name] = _without(obj[name], value, body[name])
    return obj


def _with_defaults(obj, version):
    metadata = {"uid": f"uid-{version}", "generation": 1, "resourceVersion": str(version), **obj["metadata"]}
    metadata.setdefault("creationTimestamp", f"2022-12-24T12:00:{version % 60:02}Z")
    made = {**obj, "metadata": metadata}
    if made["kind"] == "Eventing":
        made.pop("status", None)
    return made


def _kept(old, new):
    """Return new metadata with what nobody can change."""
    fixed = ("uid", "creationTimestamp", "generation", "namespace", "name", "deletionTimestamp")
    return {**new, **{name: old[name] for name in fixed if name in old}}


def _content(obj):
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": ""}}
