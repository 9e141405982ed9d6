"""What an Eventing asks for, with the defaults of the contract filled in.

The API server has validated it against the CRD, so nothing is validated here again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from controller.resource import ObjectKey
from eventing_manager import quantity

if TYPE_CHECKING:
    from controller.resource import Object


class BackendType(StrEnum):
    """The backends that events can go through."""

    NATS = "nats"
    EVENTMESH = "eventmesh"


class StorageType(StrEnum):
    """What JetStream stores messages on."""

    FILE = "file"
    MEMORY = "memory"


class ReclaimPolicy(StrEnum):
    """What becomes of the volumes of NATS when it is removed."""

    DELETE = "Delete"
    RETAIN = "Retain"


class OnUndelivered(StrEnum):
    """What a removal of NATS does while streams hold messages nobody has received."""

    WAIT = "Wait"
    DISCARD = "Discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The volume of each server, or its share of memory; ``size`` is a quantity."""

    type: StorageType = StorageType.FILE
    size: str = "1Gi"
    reclaim_policy: ReclaimPolicy = ReclaimPolicy.DELETE

    @property
    def size_in_bytes(self) -> int:
        """The size as a number."""
        return quantity.whole(self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsSettings:
    """``spec.backend.nats``."""

    replicas: int = 1
    storage: Storage = field(default_factory=Storage)
    on_undelivered: OnUndelivered = OnUndelivered.WAIT
    resources: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, nats: dict[str, Any]) -> NatsSettings:
        """Read ``spec.backend.nats``."""
        storage = nats.get("storage") or {}
        return cls(
            replicas=nats.get("replicas", 1),
            storage=Storage(
                type=StorageType(storage.get("type", StorageType.FILE)),
                size=storage.get("size", "1Gi"),
                reclaim_policy=ReclaimPolicy(storage.get("reclaimPolicy", ReclaimPolicy.DELETE)),
            ),
            on_undelivered=OnUndelivered(nats.get("onUndelivered", OnUndelivered.WAIT)),
            resources=nats.get("resources") or {},
            labels=nats.get("labels") or {},
            annotations=nats.get("annotations") or {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventingSpec:
    """``spec``; ``nats_given`` tells whether it speaks of nats at all or the defaults speak for it."""

    backend: BackendType
    nats: NatsSettings = field(default_factory=NatsSettings)
    nats_given: bool = False
    secret: ObjectKey | None = None
    """``spec.backend.eventmesh.secretRef``, None where it is not set or eventmesh is not the backend."""

    log_level: str = "info"

    @classmethod
    def parse(cls, eventing: Object) -> EventingSpec:
        """Read the spec of an Eventing."""
        spec = eventing["spec"]
        backend = spec["backend"]
        return cls(
            backend=BackendType(backend["type"]),
            nats=NatsSettings.parse(backend.get("nats") or {}),
            nats_given="nats" in backend,
            secret=_secret(backend),
            log_level=spec.get("logLevel", "info"),
        )


def _secret(backend: dict[str, Any]) -> ObjectKey | None:
    reference = (backend.get("eventmesh") or {}).get("secretRef")
    if reference is None or backend["type"] != BackendType.EVENTMESH:
        return None
    return ObjectKey(reference["namespace"], reference["name"])
