"""The steps that a pass can take, in the order in which it takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eventing_manager.api.status import ConditionType, seconds_of

if TYPE_CHECKING:
    from datetime import datetime

    from eventing_manager.api.spec import EventingSpec
    from eventing_manager.api.status import Report as StatusReport
    from kubeloop.resource import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Put our finalizer on the Eventing, and note the settings by which it has NATS, if any are given."""

    settings: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """Make the cluster have exactly what the chart renders of a spec; the pass then decides anew."""

    spec: EventingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Keep what has to stay as it was provisioned; what is in the way of that is told and ends nothing."""

    spec: EventingSpec
    draining: bool
    """Whether NATS delivers what it holds and takes in nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete everything that is installed, claims aside."""

    members: tuple[Object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteClaims:
    """Delete claims, and with them what is on their volumes."""

    claims: tuple[Object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGo:
    """Take our finalizer off the Eventing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Write a status."""

    report: StatusReport
    is_final: bool = False
    """Whether it says that nothing is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain:
    """Come back though no watch tells of a change."""

    seconds: float


Step = Note | Apply | Keep | Delete | DeleteClaims | LetGo | Report | LookAgain


SOON: Final = 0.5
"""Seconds until the next look at what has just begun."""

AT_LAST: Final = 30.0
"""Seconds until the next look at what has lasted for long."""


def patience(eventing: Object, now: datetime) -> float:
    """Return the seconds until the next look at what no watch tells of: a tenth of how long it has lasted."""
    blocked = seconds_of(eventing, ConditionType.DRAINED, holds=False, now=now)
    unready = seconds_of(eventing, ConditionType.READY, holds=False, now=now)
    lasted = unready if blocked is None else blocked
    return min(max((lasted or 0.0) / 10, SOON), AT_LAST)
