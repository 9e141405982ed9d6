"""What an Eventing asks for, with the defaults of the contract filled in.

The API server has validated it against the CRD, so nothing is validated here again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from eventing_manager.api.names import FORCE_ANNOTATION, SETTINGS_ANNOTATION
from kubeloop.quantity import whole
from kubeloop.resource import ObjectKey, annotations_of

if TYPE_CHECKING:
    from kubeloop.resource import Object


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
    def is_volume(self) -> bool:
        """Whether messages outlive the servers, on claims of theirs."""
        return self.type is StorageType.FILE

    @property
    def size_in_bytes(self) -> int:
        """The size as a number; QuantityError where it is none."""
        return whole(self.size)


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


def settings_to_note(eventing: Object) -> str:
    """Return ``spec.backend.nats`` as the annotation that keeps it."""
    return json.dumps(eventing["spec"]["backend"].get("nats") or {}, sort_keys=True)


def is_noted(eventing: Object, settings: str) -> bool:
    """Tell whether an Eventing has these settings in its annotation."""
    return annotations_of(eventing).get(SETTINGS_ANNOTATION) == settings


def provisioned_spec(eventing: Object) -> EventingSpec | None:
    """Return the spec that NATS was provisioned by, None for an Eventing that never provisioned it.

    Once the spec says eventmesh it is no longer in there: what the user wrote about nats may be for a later
    nats, or gone.
    """
    try:
        noted = json.loads(annotations_of(eventing)[SETTINGS_ANNOTATION])
        settings = NatsSettings.parse(noted)
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return EventingSpec(backend=BackendType.NATS, nats=settings, nats_given=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Force:
    """Whether the look for messages is to be skipped, and what to say of the annotation."""

    applies: bool
    note: str = ""


def force_of(eventing: Object, now: datetime) -> Force:
    """Return what the annotation asks for: ``true`` skips the look, a time of RFC 3339 does from then on.

    Anything else forces nothing.
    """
    value = annotations_of(eventing).get(FORCE_ANNOTATION, "false")
    if value == "true":
        return Force(applies=True, note=f"the annotation {FORCE_ANNOTATION} skips the look for messages")
    if value == "false":
        return Force(applies=False)
    deadline = _time(value)
    if deadline is None:
        return Force(
            applies=False,
            note=f"the annotation {FORCE_ANNOTATION} has no effect: {value!r} is neither true"
            " nor a time such as 2022-12-24T18:00:00Z",
        )
    if now < deadline:
        return Force(applies=False, note=f"the annotation {FORCE_ANNOTATION} gives them up from {value} on")
    return Force(
        applies=True, note=f"the annotation {FORCE_ANNOTATION} skips the look for messages since {value}"
    )


def _time(value: str) -> datetime | None:
    """Return a point in time, None for what is none, which one without a time zone is not."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
