"""Decide how NATS goes: only when it is known to hold nothing, or when the user accepts the loss.

May NATS go? One policy after the other is asked, in the order of ``POLICIES``, and the first that has an
answer decides. It fails closed: what cannot be asked is taken to hold messages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from eventing_manager.api import reports
from eventing_manager.api.names import DRAINING_ANNOTATION, FORCE_ANNOTATION, NATS
from eventing_manager.api.spec import OnUndelivered, ReclaimPolicy, provisioned_spec
from eventing_manager.api.status import (
    ConditionType,
    Reason,
    State,
    Verdict,
    active_backend,
    conditions_of,
    remembered_verdict,
)
from eventing_manager.decide.steps import (
    Delete,
    DeleteClaims,
    Keep,
    LetGo,
    LookAgain,
    Note,
    Report,
    patience,
)
from eventing_manager.decide.volumes import has_volume, ordinal_of, rebuilt_settings, reclaim_policy
from eventing_manager.observe.copies import unready_reason
from eventing_manager.observe.observed import Observed, Silence, Wish
from kubeloop.applyset import KINDS_ANNOTATION
from kubeloop.resource import ObjectKey, annotations_of, describe, is_deleting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventing_manager.decide.steps import Step
    from eventing_manager.observe.jetstream import Stream
    from kubeloop.resource import Object

WAYS_OUT: Final = (
    "to lose them, set spec.backend.nats.onUndelivered to Discard,"
    f" or the annotation {FORCE_ANNOTATION} to true or to the time from which on they may be lost"
)

_NAMED_STREAMS: Final = 10
"""Streams that are counted one by one; of more than that the fullest."""


def retire(seen: Observed) -> tuple[Step, ...]:
    """Return the steps by which NATS goes, or stays for now."""
    if seen.wish is not Wish.SPEC and not seen.is_claimed:
        return ()
    claim: tuple[Step, ...] = () if seen.is_claimed else (Note(),)
    if seen.statefulset is not None and provisioned_spec(seen.eventing) is None:
        # Someone replaced the Eventing without what we noted on it: what is to stay could not be kept.
        return (Note(settings=rebuilt_settings(seen.statefulset, seen.spec)), LookAgain(seconds=0))
    verdict = judge(seen)
    if verdict is not None and not verdict.allowed:
        return (*claim, *_hold(seen, verdict))
    return (*claim, *_remove(seen, verdict))


def judge(seen: Observed) -> Verdict | None:
    """Return whether NATS may be removed, None where there is nothing to judge."""
    if seen.statefulset is None and not seen.members and reclaim_policy(seen) is ReclaimPolicy.RETAIN:
        return remembered_verdict(seen.eventing)
    for policy in POLICIES:
        verdict = policy(seen)
        if verdict is not None:
            return verdict if verdict.allowed else _with_note(verdict, seen.force.note)
    return _allow(Reason.NOTHING_HELD, "every message was received")


def _hold(seen: Observed, verdict: Verdict) -> tuple[Step, ...]:
    """Keep what has to stay as it was provisioned: a server that is down delivers nothing."""
    provisioned = provisioned_spec(seen.eventing)
    keep = () if provisioned is None else (Keep(spec=provisioned, draining=verdict.drains),)
    report = reports.blocked(_state(seen), active_backend(seen.eventing), verdict)
    return (*keep, Report(report=report), LookAgain(seconds=patience(seen.eventing, seen.now)))


def _remove(seen: Observed, verdict: Verdict | None) -> tuple[Step, ...]:
    """Say, then delete: whoever is killed in between finds the verdict in the status."""
    if seen.members:
        doomed = tuple(obj for obj in seen.members if not is_deleting(obj))
        delete = (Delete(members=doomed),) if doomed else ()
        return (_going(seen, seen.members, verdict), *delete)
    if seen.claims and reclaim_policy(seen) is ReclaimPolicy.DELETE:
        # Only now: until the last server is gone, a claim would wait for it anyway.
        doomed = tuple(claim for claim in seen.claims if not is_deleting(claim))
        delete_claims = (DeleteClaims(claims=doomed),) if doomed else ()
        return (_going(seen, seen.claims, verdict), *delete_claims)
    return _leave(seen, verdict)


def _leave(seen: Observed, verdict: Verdict | None) -> tuple[Step, ...]:
    """Say that nothing is left but what is to stay."""
    retained = tuple(ObjectKey.of(claim) for claim in seen.claims)
    if seen.wish is Wish.NOTHING:
        return (LetGo(),)
    if annotations_of(seen.eventing).get(KINDS_ANNOTATION):
        # The hints at what was installed go with it.
        return (Delete(members=()), LookAgain(seconds=0))
    if seen.wish is Wish.PAUSE:
        # The finalizer goes as well: nobody will be there to take it off.
        return (Report(report=reports.stopped(retained), is_final=True), LetGo())
    report = Report(report=reports.eventmesh(retained, seen.secret, verdict), is_final=True)
    # To be allowed to read a Secret is nothing that a watch tells of.
    is_forbidden = seen.secret is not None and seen.secret.reason == Reason.SECRET_FORBIDDEN
    return (report, LookAgain(seconds=patience(seen.eventing, seen.now))) if is_forbidden else (report,)


def _going(seen: Observed, objects: Sequence[Object], verdict: Verdict | None) -> Report:
    names = _names(objects)
    return Report(report=reports.removing(_state(seen), active_backend(seen.eventing), names, verdict))


def _state(seen: Observed) -> State:
    return State.DELETING if seen.wish is Wish.NOTHING else State.PROCESSING


def forced(seen: Observed) -> Verdict | None:
    """Allow it where the user gave the messages up by the annotation."""
    return _allow(Reason.FORCED, seen.force.note) if seen.force.applies else None


def discarded(seen: Observed) -> Verdict | None:
    """Allow it where the user gave the messages up in the spec."""
    if seen.spec.nats.on_undelivered is not OnUndelivered.DISCARD:
        return None
    return _allow(Reason.DISCARDED, "spec.backend.nats.onUndelivered is Discard")


def begun(seen: Observed) -> Verdict | None:
    """Go on with a removal that was allowed before, and has come as far as the servers."""
    return remembered_verdict(seen.eventing) if seen.statefulset is None else None


def gone(seen: Observed) -> Verdict | None:
    """Refuse it where somebody else took the servers away: their volumes may be full, and nobody can tell."""
    if seen.statefulset is not None:
        return None
    full = [claim for claim in seen.claims if has_volume(claim)]
    if not full:
        return _allow(Reason.NOTHING_HELD, f"{NATS} is not there, and has no volume")
    message = (
        f"StatefulSet {NATS} is gone, and {_names(full)} may hold messages: it is brought back to be asked"
    )
    return Verdict(allowed=False, reason=Reason.NATS_GONE, message=f"{message}; {WAYS_OUT}", drains=True)


def silent(seen: Observed) -> Verdict | None:
    """Refuse it while NATS cannot be asked, unless it never had anything."""
    if not isinstance(seen.holdings, Silence):
        return None
    was_ready = active_backend(seen.eventing) == "nats"
    if not was_ready and not any(has_volume(claim) for claim in seen.claims):
        return _allow(Reason.NOTHING_HELD, "NATS never became ready and has no volume")
    drain = drain_of(seen)
    if drain.is_begun and drain.waiting_for and _is_restarting(seen):
        return _draining(drain.waiting_for)
    message = (
        f"NATS cannot be asked for its messages, so it stays: {seen.holdings.why}; bring it back; {WAYS_OUT}"
    )
    return Verdict(allowed=False, reason=Reason.JETSTREAM_SILENT, message=message, drains=drain.is_begun)


def undelivered(seen: Observed) -> Verdict | None:
    """Refuse it while there are messages that nobody has received."""
    streams = seen.holdings if isinstance(seen.holdings, tuple) else ()
    waiting = sorted(
        (stream for stream in streams if stream.undelivered),
        key=lambda stream: stream.undelivered,
        reverse=True,
    )
    if not waiting:
        return None
    drain = drain_of(seen)
    may_restart = drain.is_possible and not any(stream.is_in_memory for stream in waiting)
    if may_restart and drain.is_due:
        return _draining(drain.waiting_for)
    rest = waiting[_NAMED_STREAMS:]
    counts = ", ".join(_count(stream) for stream in waiting[:_NAMED_STREAMS])
    if rest:
        counts += f", {sum(stream.undelivered for stream in rest)} in {len(rest)} more streams"
    message = f"messages that nobody has received: {counts}; receive them; {WAYS_OUT}"
    return Verdict(
        allowed=False,
        reason=Reason.UNDELIVERED,
        message=message,
        drains=may_restart or drain.is_begun,
    )


def unasked(seen: Observed) -> Verdict | None:
    """Refuse it while there are volumes of servers that someone scaled away: they cannot be asked."""
    provisioned = provisioned_spec(seen.eventing)
    if seen.statefulset is None or provisioned is None or not provisioned.nats.storage.is_volume:
        return None  # Volumes that are there all the same are none of its own, and stay.
    servers: int = seen.statefulset["spec"]["replicas"]
    claims = [claim for claim in seen.claims if has_volume(claim) and ordinal_of(claim) >= servers]
    if not claims:
        return None
    message = (
        f"{_names(claims)} may hold messages, and {NATS} has {servers} servers, none of which can be asked"
        f" for them; bring back the server of each; {WAYS_OUT}"
    )
    drains = drain_of(seen).is_begun
    return Verdict(allowed=False, reason=Reason.JETSTREAM_SILENT, message=message, drains=drains)


def undrained(seen: Observed) -> Verdict | None:
    """Refuse it until NATS takes in nothing: what is accepted after the last look would go with it."""
    drain = drain_of(seen)
    return _draining(drain.waiting_for) if drain.is_due else None


POLICIES: Final[tuple[Callable[[Observed], Verdict | None], ...]] = (
    forced,
    discarded,
    begun,
    gone,
    silent,
    undelivered,
    unasked,
    undrained,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Where the restart stands by which servers take in no more messages.

    They restart with a configuration by which clients may receive and acknowledge, and publish nothing: what
    is in the streams then can only become less. A restart loses what is in memory. So streams in memory have
    to be received before, and a NATS that has nothing but memory does not restart at all.
    """

    is_possible: bool
    is_begun: bool
    waiting_for: str | None = None
    """What it waits for once it is begun, in a sentence."""

    @property
    def is_due(self) -> bool:
        """Whether a look at the streams does not count yet."""
        return self.is_possible and (not self.is_begun or self.waiting_for is not None)


def drain_of(seen: Observed) -> Drain:
    """Return where the restart stands."""
    provisioned = provisioned_spec(seen.eventing)
    is_possible = provisioned is not None and provisioned.nats.storage.is_volume
    if seen.statefulset is None or not is_possible or not is_draining(seen.statefulset):
        return Drain(is_possible=is_possible, is_begun=False)
    return Drain(is_possible=True, is_begun=True, waiting_for=unready_reason(seen.statefulset))


def is_draining(statefulset: Object) -> bool:
    """Tell whether the servers are to take in no messages."""
    return annotations_of(statefulset["spec"]["template"]).get(DRAINING_ANNOTATION) == "true"


def _is_restarting(seen: Observed) -> bool:
    """Tell whether no look has succeeded since the restart: then silence is only to be expected."""
    return any(
        found.reason == Reason.DRAINING and found.type == ConditionType.DRAINED
        for found in conditions_of(seen.eventing)
    )


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


def _count(stream: Stream) -> str:
    gap = f" ({stream.gap})" if stream.gap else ""
    return f"{stream.undelivered} in stream {stream}{gap}"


def _with_note(verdict: Verdict, note: str) -> Verdict:
    return replace(verdict, message=f"{verdict.message}; {note}") if note else verdict


def _allow(reason: Reason, message: str) -> Verdict:
    return Verdict(allowed=True, reason=reason, message=message)


def _names(objects: Sequence[Object]) -> str:
    return ", ".join(describe(obj) for obj in objects)
