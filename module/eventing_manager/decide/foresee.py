"""Foresee what a picture becomes when steps are carried out and all goes well: for plans."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from eventing_manager.api.names import DRAINING_ANNOTATION, FINALIZER, SETTINGS_ANNOTATION
from eventing_manager.api.status import ConditionType, Reason, with_report
from eventing_manager.decide.steps import Delete, DeleteClaims, Keep, Note, Report
from kubeloop.applyset import KINDS_ANNOTATION
from kubeloop.kinds import STATEFUL_SET
from kubeloop.resource import Kind, annotations_of, finalizers_of, has_finalizer, is_deleting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventing_manager.api.status import Condition
    from eventing_manager.api.status import Report as StatusReport
    from eventing_manager.decide.steps import Step
    from eventing_manager.observe.observed import Observed
    from kubeloop.resource import Object


def foresee(seen: Observed, steps: Sequence[Step]) -> Observed:
    """Return the picture after some steps, when everybody has done his part."""
    for step in steps:
        seen = _after(step, seen)
    return seen


def _after(step: Step, seen: Observed) -> Observed:
    match step:
        case Note(settings=settings):
            return replace(seen, eventing=_noted(seen.eventing, settings))
        case Report(report=report):
            return replace(seen, eventing=with_report(seen.eventing, report, now=seen.now))
        case Keep(draining=draining):
            members = tuple(_restarted(obj, draining=draining) for obj in seen.members)
            return replace(seen, members=members)
        case Delete():
            return replace(seen, eventing=_without_hints(seen.eventing), members=(), holdings=None)
        case DeleteClaims():
            return replace(seen, claims=())
        case _:
            return seen


def all_received(seen: Observed) -> Observed:
    """Return the picture once every message is received."""
    return replace(seen, holdings=())


def blocked_by(report: StatusReport) -> Condition | None:
    """Return the condition that says why NATS stays, None where it goes."""
    return next(
        (found for found in report.conditions if found.type == ConditionType.DRAINED and not found.holds),
        None,
    )


def goes_on_by_itself(blocked: Condition) -> bool:
    """Tell whether nobody has to do anything about what holds up a removal."""
    return blocked.reason == Reason.DRAINING


def _noted(eventing: Object, settings: str | None) -> Object:
    metadata = dict(eventing["metadata"])
    if not has_finalizer(eventing, FINALIZER):
        metadata["finalizers"] = [*finalizers_of(eventing), FINALIZER]
    if settings is not None:
        metadata["annotations"] = {**annotations_of(eventing), SETTINGS_ANNOTATION: settings}
    return {**eventing, "metadata": metadata}


def _without_hints(eventing: Object) -> Object:
    annotations = {
        name: value for name, value in annotations_of(eventing).items() if name != KINDS_ANNOTATION
    }
    return {**eventing, "metadata": {**eventing["metadata"], "annotations": annotations}}


def _restarted(obj: Object, *, draining: bool) -> Object:
    """Return a StatefulSet when its servers are back, any other object as it is."""
    if Kind.of(obj) != STATEFUL_SET or is_deleting(obj):
        return obj
    restarted: Object = json.loads(json.dumps(obj))
    template = restarted["spec"]["template"]["metadata"]
    template["annotations"] = {
        **(template.get("annotations") or {}),
        DRAINING_ANNOTATION: str(draining).lower(),
    }
    servers = restarted["spec"]["replicas"]
    restarted["status"] = {
        "observedGeneration": restarted["metadata"].get("generation", 0),
        "replicas": servers,
        "updatedReplicas": servers,
        "readyReplicas": servers,
    }
    return restarted
