"""Who belongs to whom: what an object is made of, and which workloads take care of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from kubeloop.applyset import PART_OF_LABEL, applyset_id
from kubeloop.kinds import DEPLOYMENT
from kubeloop.resource import Object, ObjectKey, labels_of, uid_of
from kyma_harness.wait.target import Target

KUBERNETES_SERVES = ("foregroundDeletion", "orphan", "kubernetes", "kubernetes.io/", "batch.kubernetes.io/")
"""How finalizers begin that Kubernetes itself takes off."""


def _no_parts(_: Object) -> Iterable[Target]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """What cannot be read from the objects themselves, and so has to be told."""

    stewards: Mapping[str, ObjectKey] = field(default_factory=dict)
    """The Deployment that reconciles a kind, by ``Eventing.operator.kyma-project.io``."""
    finalizers: Mapping[str, ObjectKey] = field(default_factory=dict)
    """The Deployment that takes a finalizer off, by the finalizer."""
    parts: Callable[[Object], Iterable[Target]] = _no_parts
    """Objects without which an object does not get ready, or does not go."""

    def with_finalizer(self, finalizer: str, served_by: ObjectKey) -> "Relations":
        """Return the same relations and one finalizer more."""
        known = {**self.finalizers, finalizer: served_by}
        return Relations(stewards=self.stewards, finalizers=known, parts=self.parts)

    def has_silent_part(self, obj: Object, find: Callable[[Target], Object | None]) -> bool:
        """Tell whether one of its parts is there and has said nothing of its own state yet."""
        parts = (find(part) for part in self.parts(obj))
        return any("state" not in (part.get("status") or {}) for part in parts if part)

    def steward_of(self, target: Target) -> Target | None:
        """Return the Deployment that reconciles objects of the target's kind, where it is known."""
        key = self.stewards.get(target.kind.group_kind)
        return Target(kind=DEPLOYMENT, name=key.name, namespace=key.namespace) if key else None


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
