"""Remember every transition of every object that is watched."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kubeloop.kinds import EVENT
from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.wait.phase import Phase, phase_of

GONE = "gone"
JUST_NOW = 2.0
"""Seconds; creation times are whole seconds, and watches take a moment."""
QUIET = frozenset({EVENT.kind, "Node"})
"""Kinds that have nothing to tell by their own transitions."""
ALWAYS_MADE = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
"""Objects that come with every namespace."""
HOUSEHOLD = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
"""Namespaces whose objects are told of only when something happens to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of where an object is; ``at`` is a Unix time in seconds."""

    at: float
    kind: Kind
    key: ObjectKey
    word: str
    """What it came to: a state, a phase, ``gone``."""
    detail: str = ""

    @property
    def subject(self) -> str:
        """The object as people call it."""
        return f"{self.kind.kind} {self.key}"

    def __str__(self) -> str:
        return f"{self.word}, {self.detail}" if self.detail else self.word


class Timeline:
    """Transitions in the order in which they were seen; ``note`` is a listener of a ``ClusterView``."""

    def __init__(self) -> None:
        self._transitions: list[Transition] = []

    def note(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        """Take note of a change, if it is one of where the object is."""
        known = new or old
        if known is None or kind.kind in QUIET or (kind.kind, known["metadata"]["name"]) in ALWAYS_MADE:
            return
        before, after = _phase(old), _phase(new)
        recreated = old and new and old["metadata"]["uid"] != new["metadata"]["uid"]
        if before != after or recreated:
            self._transitions.append(
                Transition(
                    at=_since(new) if old is None and new is not None else time.time(),
                    kind=kind,
                    key=ObjectKey.of(known),
                    word=after.word,
                    detail=after.detail,
                )
            )

    def of(self, kind: Kind, key: ObjectKey, since: float = 0) -> list[Transition]:
        """Return what became of one object."""
        return [one for one in self._transitions if one.kind == kind and one.key == key and one.at >= since]

    def between(self, start: float, end: float) -> list[Transition]:
        """Return everything that was seen in a window of time."""
        return [one for one in self._transitions if start <= one.at <= end and not _is_household(one)]

    def starting_from(self, start: float, end: float) -> list[Transition]:
        """Return the window, and before it the last transition of each object that was there at its start."""
        before: dict[tuple[Kind, ObjectKey], Transition] = {}
        for one in self._transitions:
            if one.at < start:
                before[one.kind, one.key] = one
        there = [one for one in before.values() if one.word != GONE and not _is_household(one)]
        return [*there, *self.between(start, end)]


def lines(transitions: Iterable[Transition], start: float) -> list[str]:
    """Return one line for each transition, with seconds since a start."""
    return [f"{one.at - start:+8.2f} s  {one.subject}: {one}" for one in transitions]


def _phase(obj: Object | None) -> Phase:
    return Phase(GONE) if obj is None else phase_of(obj)


def _since(obj: Object) -> float:
    """Return since when an object seen for the first time was there: it may be older than the view."""
    now = time.time()
    try:
        created = datetime.fromisoformat(obj["metadata"]["creationTimestamp"]).timestamp()
    except (KeyError, ValueError):
        return now
    return created if now - created > JUST_NOW else now


def _is_household(transition: Transition) -> bool:
    """Tell whether it is but the presence of something that every cluster has."""
    if transition.word not in {"Active", "Present"}:
        return False
    where = transition.key.name if transition.kind.kind == "Namespace" else transition.key.namespace
    return where in HOUSEHOLD
