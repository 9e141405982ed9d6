"""Who belongs to whom: what an object is made of, and which workloads take care of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from kubeloop.applyset import PART_OF_LABEL, applyset_id
from kubeloop.kinds import DEPLOYMENT
from kubeloop.resource import Kind, Object, ObjectKey, controller_owner, labels_of, uid_of
from kyma_harness.wait.target import Target

KUBERNETES_SERVES = ("foregroundDeletion", "orphan", "kubernetes", "kubernetes.io/", "batch.kubernetes.io/")
"""How finalizers begin that Kubernetes itself takes off."""
INSTALLED_BY = ("app.kubernetes.io/managed-by", "app.kubernetes.io/created-by", "app.kubernetes.io/part-of")
"""Labels that name who has installed an object."""
INSTANCE = "app.kubernetes.io/instance"
NOBODY = frozenset(
    {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubeloop", "kyma"}
    | {"kyma-harness", "lifecycle-manager", "module-manager"}
)
"""Field managers that reconcile no module: people's tools, tests, and Kubernetes itself."""


def _no_parts(_: Object) -> Iterable[Target]:
    return ()


def _no_whole(_: Target) -> Target | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """What cannot be read from the objects themselves, and so has to be told."""

    stewards: Mapping[str, ObjectKey] = field(default_factory=dict)
    """The Deployment that reconciles a kind, by ``Eventing.operator.kyma-project.io``."""
    finalizers: Mapping[str, ObjectKey] = field(default_factory=dict)
    """The Deployment that takes a finalizer off, by the finalizer."""
    parts: Callable[[Object], Iterable[Target]] = _no_parts
    """Objects without which an object does not get ready, or does not go."""
    whole: Callable[[Target], Target | None] = _no_whole
    """The object on whose behalf somebody makes an object, where there is one."""
    kinds: Sequence[Kind] = ()
    """The kinds of parts and wholes, which are looked at."""

    def with_finalizer(self, finalizer: str, served_by: ObjectKey) -> "Relations":
        """Return the same relations and one finalizer more."""
        return replace(self, finalizers={**self.finalizers, finalizer: served_by})

    def has_silent_part(self, obj: Object, find: Callable[[Target], Object | None]) -> bool:
        """Tell whether one of its parts is there and has said nothing of its own state yet."""
        parts = (find(part) for part in self.parts(obj))
        return any("state" not in (part.get("status") or {}) for part in parts if part)

    def steward_of(self, target: Target) -> Target | None:
        """Return the Deployment that reconciles objects of the target's kind, where it is known."""
        key = self.stewards.get(target.kind.group_kind)
        return Target(kind=DEPLOYMENT, name=key.name, namespace=key.namespace) if key else None

    def wholes_of(self, target: Target, find: Callable[[Target], Object | None]) -> Iterator[Target]:
        """Yield on whose behalf an object is made, and so on as long as that is not there either."""
        whole = self.whole(target)
        while whole is not None:
            yield whole
            whole = None if find(whole) else self.whole(whole)


def is_served_by_kubernetes(finalizer: str) -> bool:
    """Tell whether Kubernetes itself takes a finalizer off."""
    return finalizer.startswith(KUBERNETES_SERVES)


def belongings(root: Object, everything: Iterable[Object]) -> list[Object]:
    """Return what belongs to an object: owned by it, part of its ApplySet, and so on all the way down."""
    candidates = list(everything)
    found: dict[str, Object] = {}
    uids, sets = {uid_of(root)}, {applyset_id(root)}
    while fresh := [
        one for one in candidates if uid_of(one) not in uids and _belongs(one, uids=uids, sets=sets)
    ]:
        for one in fresh:
            found[uid_of(one)] = one
            uids.add(uid_of(one))
            sets.add(applyset_id(one))
    return list(found.values())


def installed_for(
    root: Object, everything: Iterable[Object], *, steward: ObjectKey | None, events: Iterable[Object]
) -> list[Object]:
    """Return what a custom resource's manager has installed for it, where nothing owns that formally.

    It is younger than the resource, and bears the name of the resource or of the manager in a label, was
    written by who writes the resource's status or finalizers, or is named in an Event about the resource.
    """
    made = str(root["metadata"].get("creationTimestamp", ""))
    writers = {one for one in _writers_of(root) - NOBODY if not one.startswith("kubectl")}
    known_as = {steward.name, *writers} if steward else writers
    told = " ".join(str(one.get("message", "")) for one in events)
    return [
        one
        for one in everything
        if controller_owner(one) is None
        and str(one["metadata"].get("creationTimestamp", "")) >= made
        and one["metadata"].get("uid") != root["metadata"].get("uid")
        and ObjectKey.of(one) != steward
        and (
            _bears_name_of(root, one)
            or any(labels_of(one).get(label) in known_as for label in INSTALLED_BY)
            or not writers.isdisjoint(_makers_of(one))
            or _is_named(one, told)
        )
    ]


def _bears_name_of(root: Object, obj: Object) -> bool:
    """Tell whether a label says that an object is of a custom resource: as instance, by its kind or group."""
    kind, name = Kind.of(root), root["metadata"]["name"]
    return any(
        value == name
        and (
            label == INSTANCE
            or kind.kind.lower() in label.lower()
            or bool(kind.group and kind.group in label)
        )
        for label, value in labels_of(obj).items()
    )


def with_field_managers(obj: Object) -> Object:
    """Reduce an object's ``managedFields`` to who wrote what part of it: the rest fills half the memory."""
    fields = obj["metadata"].pop("managedFields", None) or ()
    obj["metadata"]["managedFields"] = [
        {
            "manager": one.get("manager", ""),
            "subresource": one.get("subresource", ""),
            "fieldsV1": {"f:metadata": {"f:finalizers": {}}} if _writes_finalizers(one) else {},
        }
        for one in fields
    ]
    return obj


def _writers_of(obj: Object) -> set[str]:
    """Return who writes an object's status or finalizers, and so reconciles it."""
    fields = obj["metadata"].get("managedFields") or ()
    return {
        one.get("manager", "")
        for one in fields
        if one.get("subresource") == "status" or _writes_finalizers(one)
    } - {""}


def _makers_of(obj: Object) -> set[str]:
    """Return who writes an object itself."""
    fields = obj["metadata"].get("managedFields") or ()
    return {one.get("manager", "") for one in fields if not one.get("subresource")}


def _writes_finalizers(entry: Object) -> bool:
    return "f:finalizers" in ((entry.get("fieldsV1") or {}).get("f:metadata") or {})


def _is_named(obj: Object, told: str) -> bool:
    """Tell whether a text names an object with its namespace, as ``redis/cache`` does."""
    key = ObjectKey.of(obj)
    named = rf"(?<![\w./-]){re.escape(str(key))}(?![\w/-])"
    return bool(key.namespace) and re.search(named, told) is not None


def closure(target: Target, find: Callable[[Target], Object | None], relations: Relations) -> list[Target]:
    """Return the target and all its parts, as far as objects tell which those are; the target comes first."""
    reached: dict[Target, None] = {target: None}
    waiting = [target]
    while waiting:
        obj = find(waiting.pop())
        fresh = [one for one in (relations.parts(obj) if obj else ()) if one not in reached]
        reached.update(dict.fromkeys(fresh))
        waiting += fresh
    return list(reached)


def _belongs(obj: Object, *, uids: set[str], sets: set[str]) -> bool:
    owners = obj["metadata"].get("ownerReferences") or []
    return labels_of(obj).get(PART_OF_LABEL) in sets or any(owner.get("uid") in uids for owner in owners)


def is_scaled_to_zero(deployment: Object) -> bool:
    """Tell whether nobody is meant to run; replicas that are not set count as one."""
    return bool(deployment.get("spec", {}).get("replicas", 1) == 0)


def finalizers_held(obj: Object) -> list[str]:
    """Return the finalizers that keep an object which is being deleted; none where it is not."""
    metadata = obj["metadata"]
    return list(chain(metadata.get("finalizers") or ())) if metadata.get("deletionTimestamp") else []
