"""Follow what waits for what, down to the object on which all the others wait, and tell since when."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kubeloop.kinds import DAEMON_SET, DEPLOYMENT, JOB, POD, STATEFUL_SET
from kubeloop.resource import Object, ObjectKey, describe, is_deleting
from kyma_harness.wait.give_up import Category
from kyma_harness.wait.narrative import event_words
from kyma_harness.wait.phase import phase_of
from kyma_harness.wait.readiness import lack_of_readiness
from kyma_harness.wait.relations import finalizers_held, is_served_by_kubernetes
from kyma_harness.wait.sight import Sight
from kyma_harness.wait.symptoms import Symptom
from kyma_harness.wait.target import Target
from kyma_harness.wait.timeline import Timeline

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB)
"""Of what is made for an object, these are told of before their pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One object of the chain, and how it is."""

    target: Target
    obj: Object | None
    steward: ObjectKey | None = None
    """The Deployment that is to see to it."""
    since: float | None = None
    """Seconds for which it has been as it is, where that is known."""
    warning: str = ""
    """The last Event of type Warning about it."""

    def __str__(self) -> str:
        served = f", served by Deployment {self.steward}" if self.steward else ""
        return f"{self.target}: {self.state()}{served}"

    def state(self) -> str:
        """Say how it is, who holds it, and since when."""
        lasted = f" for {self.since:.0f} s" if self.since is not None else ""
        if self.obj is None:
            return f"it does not exist{lasted}"
        if not is_deleting(self.obj):
            phase = phase_of(self.obj)
            return f"it has no state yet{lasted}" if phase.word == "Present" else f"{phase}{lasted}"
        held = [one for one in finalizers_held(self.obj) if not is_served_by_kubernetes(one)]
        plural = "s" if len(held) > 1 else ""
        by = f" and held by the finalizer{plural} {', '.join(held)}" if held else ""
        return f"it is being deleted{lasted}{by}"

    def as_symptom(self) -> Symptom:
        """Return it as what keeps all the others, for a wait that has come to the end of its time."""
        words = self.state()
        if self.obj is not None and not is_deleting(self.obj):
            words = f"its state is {words}" if _has_state(self.obj) else words
        if self.steward:
            words += f", which Deployment {self.steward} serves"
        if self.warning and self.warning not in words:
            words += f"; {self.warning}"
        return Symptom(category=Category.UNKNOWN, subject=str(self.target), cause=words, about=self.target)


def walk(sight: Sight, timeline: Timeline, *, leaving: bool = False) -> list[Link]:
    """Return the chain from what is waited for down to the object that none of the others can do without.

    Where what is waited for does not exist, the chain leads up to who should have made it. ``leaving`` is for
    a wait until it is gone.
    """
    way = [sight.target]
    if sight.find(sight.target) is None and not leaving:
        way += sight.wholes()
    else:
        while following := _next(way[-1], sight, leaving=leaving):
            if following in way:
                break
            way.append(following)
    return [_link(one, sight, timeline) for one in way]


def drawn(links: Sequence[Link]) -> list[str]:
    """Return the chain as lines, each link below the one that waits for it."""
    return [f"{'   ' * (depth - 1)}{'└─ ' if depth else ''}{link}" for depth, link in enumerate(links)]


def _next(target: Target, sight: Sight, *, leaving: bool) -> Target | None:
    """Return what an object waits for, if there is anything."""
    obj = sight.find(target)
    if obj is None:
        return None
    for part in sight.relations.parts(obj):
        if _is_awaited(sight.find(part), leaving=leaving):
            return part
    made = [
        one for one in sight.with_belongings(target)[1:] if _is_awaited_of_workloads(one, leaving=leaving)
    ]
    kinds = (POD,) if target.kind in WORKLOADS else (*WORKLOADS, POD)
    following = next((Target.of(one) for kind in kinds for one in made if one["kind"] == kind.kind), None)
    return following or _idle_steward(target, obj, sight)


def _idle_steward(target: Target, obj: Object, sight: Sight) -> Target | None:
    """Return the Deployment that is to see to an object, while it does not run."""
    if (steward := _steward(target, obj, sight)) is None:
        return None
    deployment = Target(kind=DEPLOYMENT, name=steward.name, namespace=steward.namespace or None)
    return deployment if _is_awaited(sight.find(deployment), leaving=False) else None


def _is_awaited(obj: Object | None, *, leaving: bool) -> bool:
    if leaving:
        return obj is not None
    return obj is None or bool(lack_of_readiness(obj))


def _is_awaited_of_workloads(obj: Object, *, leaving: bool) -> bool:
    return is_deleting(obj) if leaving else bool(lack_of_readiness(obj)) and not is_deleting(obj)


def _link(target: Target, sight: Sight, timeline: Timeline) -> Link:
    obj = sight.find(target)
    warnings = [one for one in sight.events_about(obj) if one.get("type") == "Warning"] if obj else []
    return Link(
        target=target,
        obj=obj,
        steward=_steward(target, obj, sight),
        since=_since(target, obj, timeline),
        warning=event_words(warnings[-1]) if warnings else "",
    )


def _steward(target: Target, obj: Object | None, sight: Sight) -> ObjectKey | None:
    relations = sight.relations
    serving = (relations.finalizers.get(one) for one in (finalizers_held(obj) if obj else ()))
    held = next((one for one in serving if one), None)
    steward = relations.steward_of(target)
    return held or (steward.key if steward else None)


def _since(target: Target, obj: Object | None, timeline: Timeline) -> float | None:
    if obj is not None and (asked := obj["metadata"].get("deletionTimestamp")):
        # For a pod it is when its grace is over.
        grace = float(obj["metadata"].get("deletionGracePeriodSeconds") or 0)
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(asked)).total_seconds() + grace)
    known = timeline.of(target.kind, target.key)
    return max(0.0, time.time() - known[-1].at) if known else None


def _has_state(obj: Object) -> bool:
    status = obj.get("status")
    return isinstance(status, dict) and bool(status.get("state"))


def keeps_all_others(links: Sequence[Link], found: Iterable[Symptom]) -> Symptom | None:
    """Return what the last link is, where nothing else is known to be the cause.

    A wait for an object of which nothing is known but itself says all of it anyway.
    """
    last = links[-1]
    if any(one.category is not Category.UNKNOWN for one in found):
        return None
    if len(links) == 1 and last.steward is None and not last.warning:
        return None
    known = next((one for one in found if last.obj and one.subject == describe(last.obj)), None)
    return known or last.as_symptom()
