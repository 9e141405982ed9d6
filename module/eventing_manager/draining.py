"""Let NATS take in no more messages before they are counted for the last time.

A message that is accepted after the last look would go with NATS. So before that look the servers restart
with a configuration by which clients may receive and acknowledge, and publish nothing: what is in the streams
then can only become less.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventing_manager.guard import WAYS_OUT, Verdict
from eventing_manager.names import DRAINING_ANNOTATION, NATS
from eventing_manager.readiness import unready_reason
from eventing_manager.reasons import Reason
from eventing_manager.spec import provisioned_spec
from kubeloop.resource import annotations_of

if TYPE_CHECKING:
    from kubeloop.resource import Object


def is_draining(statefulset: Object) -> bool:
    """Tell whether the servers are to take in no messages."""
    return annotations_of(statefulset["spec"]["template"]).get(DRAINING_ANNOTATION) == "true"


def not_before_draining(verdict: Verdict, eventing: Object, statefulset: Object) -> Verdict:
    """Return the verdict of a look at NATS, or that it has to drain before that counts.

    A restart loses what is in memory. So streams in memory have to be received before, and a NATS that has
    nothing but memory does not restart at all.
    """
    provisioned = provisioned_spec(eventing)
    if provisioned is None or not provisioned.nats.storage.is_volume:
        return replace(verdict, drains=False)
    begun = is_draining(statefulset)
    waiting_for = unready_reason(statefulset)
    if verdict.drains and (not begun or waiting_for):
        return _draining(waiting_for if begun else None)
    if begun and waiting_for and verdict.reason is Reason.JETSTREAM_SILENT and _restarts(eventing):
        return _draining(waiting_for)
    return replace(verdict, drains=verdict.drains or begun)


def _restarts(eventing: Object) -> bool:
    """Tell whether no look has succeeded since the restart: then silence is only to be expected."""
    conditions = (eventing.get("status") or {}).get("conditions") or []
    return any(condition["reason"] == Reason.DRAINING for condition in conditions)


def _draining(waiting_for: str | None) -> Verdict:
    message = f"{NATS} restarts, to take in no more messages and have the rest received"
    if waiting_for is not None:
        message = f"{message}: {waiting_for}"
    return Verdict(
        allowed=False,
        reason=Reason.DRAINING,
        message=f"{message}; if it does not end: {WAYS_OUT}",
        drains=True,
    )
