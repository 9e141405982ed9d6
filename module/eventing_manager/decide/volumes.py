"""Judge volumes and servers: whether they fit what is wanted, and whether they are to stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventing_manager.api.names import SERVERS_LABEL
from eventing_manager.api.spec import ReclaimPolicy, StorageType, provisioned_spec
from kubeloop.errors import QuantityError
from kubeloop.quantity import whole
from kubeloop.resource import ObjectKey, describe, is_deleting, labels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventing_manager.api.spec import EventingSpec, NatsSettings
    from eventing_manager.observe.observed import Observed
    from kubeloop.resource import Object


def has_volume(claim: Object) -> bool:
    """Tell whether there is anything that messages can be on."""
    return bool(claim["spec"].get("volumeName"))


def ordinal_of(claim: Object) -> int:
    """Return which server a claim of NATS is for: StatefulSets end its name with that."""
    return int(ObjectKey.of(claim).name.rpartition("-")[2])


def reclaim_policy(seen: Observed) -> ReclaimPolicy:
    """Return what is to become of the volumes now that NATS is not wanted.

    An Eventing that never provisioned NATS has no say over volumes that another left. One that did, and whose
    spec no longer speaks of nats, meant what it said when it last did.
    """
    provisioned = provisioned_spec(seen.eventing)
    if provisioned is None or not provisioned.nats.storage.is_volume:
        return ReclaimPolicy.RETAIN
    return (seen.spec if seen.spec.nats_given else provisioned).nats.storage.reclaim_policy


def misfit(seen: Observed) -> str | None:
    """Say why NATS cannot become what is wanted without a loss, and what to do; None where it can."""
    if seen.statefulset is not None:
        return _unlike(seen.statefulset, seen)
    if not seen.spec.nats.storage.is_volume:
        return None
    left = [claim for claim in seen.claims if not is_deleting(claim)]
    return _of_other_servers(left, seen.spec.nats) or _too_small(left, seen.spec.nats)


def _unlike(statefulset: Object, seen: Observed) -> str | None:
    """Compare what cannot change on servers that are there: Kubernetes refuses it, or messages are lost."""
    there, wanted = _traits_of(statefulset, seen), _traits_wanted(seen.spec.nats)
    if there is None:
        return None
    changed = [name for name, value in there.items() if not _is_same(value, wanted[name])]
    if not changed:
        return None
    now = ", ".join(f"{name} {there[name]}" for name in changed)
    then = ", ".join(f"{name} {wanted[name]}" for name in changed)
    back = "" if "storage.size" in changed else "set spec.backend.nats back to that, or "
    return (
        f"{describe(statefulset)} is there with {now}, which cannot become {then} while it may hold messages:"
        f" NATS goes on as it is; {back}switch to eventmesh, wait until that is Ready, and switch back"
    )


def rebuilt_settings(statefulset: Object, spec: EventingSpec) -> str:
    """Return the note of what NATS was provisioned by, as far as its StatefulSet tells: the note was lost."""
    templates = _templates(statefulset)
    storage: dict[str, Any] = {"type": str(StorageType.FILE if templates else StorageType.MEMORY)}
    servers = statefulset["spec"]["replicas"]
    if templates:
        storage["size"] = templates[0]["spec"]["resources"]["requests"]["storage"]
        storage["reclaimPolicy"] = str(spec.nats.storage.reclaim_policy)
        servers = _number(labels_of(templates[0]).get(SERVERS_LABEL)) or servers
    elif spec.nats.storage.type is StorageType.MEMORY:
        storage["size"] = spec.nats.storage.size
    return json.dumps({"replicas": servers, "storage": storage}, sort_keys=True)


def _traits_of(statefulset: Object, seen: Observed) -> dict[str, str] | None:
    """Return what NATS is made of that cannot change, None where nobody knows.

    Servers on volumes have it in their templates. Of those in memory only the note tells: their number may
    have been edited by hand.
    """
    templates = _templates(statefulset)
    if templates:
        return {
            "replicas": labels_of(templates[0]).get(SERVERS_LABEL, ""),
            "storage.type": str(StorageType.FILE),
            "storage.size": templates[0]["spec"]["resources"]["requests"]["storage"],
        }
    provisioned = provisioned_spec(seen.eventing)
    return _traits_wanted(provisioned.nats) if provisioned is not None else None


def _traits_wanted(nats: NatsSettings) -> dict[str, str]:
    return {
        "replicas": str(nats.replicas),
        "storage.type": str(nats.storage.type),
        "storage.size": nats.storage.size,
    }


def _is_same(one: str, other: str) -> bool:
    """Tell whether two values are the same, of quantities also where they are written differently."""
    try:
        return one == other or whole(one) == whole(other)
    except QuantityError:
        return False


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _templates(statefulset: Object) -> list[Object]:
    return statefulset["spec"].get("volumeClaimTemplates") or []


def _of_other_servers(left: Sequence[Object], nats: NatsSettings) -> str | None:
    """Name the claims by whose names NATS would find the messages of another number of servers.

    Servers that form a cluster delete the streams of one that stood alone; fewer servers miss what the others
    have, and cannot be asked for it.
    """
    unfit = [claim for claim in left if labels_of(claim).get(SERVERS_LABEL) != str(nats.replicas)]
    if not unfit:
        return None
    servers = " or ".join(sorted({labels_of(claim).get(SERVERS_LABEL, "") for claim in unfit}))
    return (
        f"{_names(unfit)}: left by a NATS with replicas {servers}, and its messages would be lost with"
        f" replicas {nats.replicas}; switch to eventmesh and back with spec.backend.nats.replicas {servers},"
        " or delete what is named here and lose them"
    )


def _too_small(left: Sequence[Object], nats: NatsSettings) -> str | None:
    """Name the claims that have less room than JetStream would be told to fill."""
    small = [claim for claim in left if whole(_room_of(claim)) < nats.storage.size_in_bytes]
    if not small:
        return None
    room = min((_room_of(claim) for claim in small), key=whole)
    return (
        f"{_names(small)}: left by a NATS with storage.size {room}, which has no room for"
        f" {nats.storage.size}; have the claims expanded, or delete what is named here and lose its messages"
    )


def _room_of(claim: Object) -> str:
    capacity = (claim.get("status") or {}).get("capacity") or {}
    room: str = capacity.get("storage") or claim["spec"]["resources"]["requests"]["storage"]
    return room


def _names(claims: Sequence[Object]) -> str:
    return ", ".join(describe(claim) for claim in claims)
