"""Count what the manager does, and show how Eventings fare: see the reference of metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from eventing_manager.api.status import ConditionType, State, seconds_of
from kubeloop.metrics import DURATION_BUCKETS, PassMetrics
from kubeloop.resource import ObjectKey, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from kubeloop.resource import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class _Switch:
    """A switch from one backend to another that is under way."""

    source: str
    target: str
    since: datetime


class ManagerMetrics:
    """The manager's metrics; those of passes and of the queue have the names of controller-runtime."""

    def __init__(self, registry: CollectorRegistry, *, clock: Callable[[], datetime]) -> None:
        self._under_way: dict[str, _Switch] = {}
        self.passes = PassMetrics(registry)
        self._clock = clock
        self._writes = Counter(
            "eventing_manager_writes_total",
            "Writing requests to the API server.",
            ("verb", "resource"),
            registry=registry,
        )
        self._pruned = Counter(
            "eventing_manager_pruned_objects_total",
            "Objects that were deleted.",
            ("kind",),
            registry=registry,
        )
        self._switches = Histogram(
            "eventing_manager_switch_duration_seconds",
            "From the moment a switch of the backend was seen until it was Ready.",
            ("from", "to"),
            registry=registry,
            buckets=DURATION_BUCKETS,
        )

    def wrote(self, method: str, path: str) -> None:
        """Take note of a request that writes."""
        self._writes.labels(method.lower(), _resource_of(path)).inc()

    def pruned(self, obj: Object) -> None:
        """Take note of a deletion."""
        self._pruned.labels(obj["kind"]).inc()

    def reported(self, before: Object, after: Object) -> None:
        """Take note of a status that was written.

        A switch lasts from the first status that was written of it until it is Ready: the backend may be in
        place long before it can be used.
        """
        uid, wanted, state = uid_of(after), after["spec"]["backend"]["type"], after["status"]["state"]
        switch = self._under_way.pop(uid, None)
        if switch is None or switch.target != wanted:
            switch = _Switch(source=_active(before), target=wanted, since=self._clock())
        if switch.source in {"", wanted} or state == State.DELETING:
            return
        if state == State.READY and _active(after) == wanted:
            seconds = (self._clock() - switch.since).total_seconds()
            self._switches.labels(switch.source, switch.target).observe(seconds)
        else:
            self._under_way[uid] = switch


class EventingMetrics(Collector):
    """What Eventings look like when metrics are asked for."""

    def __init__(self, eventings: Callable[[], list[Object]], *, clock: Callable[[], datetime]) -> None:
        self._eventings = eventings
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics as they are now."""
        states = GaugeMetricFamily(
            "eventing_state",
            "1 for the state that an Eventing is in.",
            labels=("namespace", "name", "state"),
        )
        blocked = GaugeMetricFamily(
            "eventing_blocked_deletion_seconds",
            "How long messages have held back the removal of NATS.",
            labels=("namespace", "name"),
        )
        for eventing in self._eventings():
            key = ObjectKey.of(eventing)
            state = (eventing.get("status") or {}).get("state")
            if state:
                states.add_metric((*key, state), 1)
            seconds = seconds_of(eventing, ConditionType.DRAINED, holds=False, now=self._clock())
            if seconds is not None:
                blocked.add_metric(key, seconds)
        yield states
        yield blocked


def _active(eventing: Object) -> str:
    active: str = (eventing.get("status") or {}).get("activeBackend", "")
    return active


def _resource_of(path: str) -> str:
    """Return the plural that a path of the API leads to, ``eventings/status`` for a subresource."""
    segments = path.strip("/").split("/")
    rest = segments[2:] if segments[0] == "api" else segments[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:  # noqa: PLR2004 - a namespace and what is in it
        rest = rest[2:]
    return "/".join(rest[::2])
