"""Keep messages that nobody has received from being deleted with what holds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from eventing_manager.claims import has_volume, ordinal_of
from eventing_manager.errors import JetStreamError
from eventing_manager.force import force_of
from eventing_manager.names import FORCE_ANNOTATION, NATS
from eventing_manager.reasons import Reason
from eventing_manager.spec import OnUndelivered, provisioned_spec
from kubeloop.resource import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from eventing_manager.claims import Claims
    from eventing_manager.jetstream import JetStream, Stream
    from eventing_manager.spec import EventingSpec
    from kubeloop.resource import Object

WAYS_OUT: Final = (
    "to lose them, set spec.backend.nats.onUndelivered to Discard,"
    f" or the annotation {FORCE_ANNOTATION} to true or to the time from which on they may be lost"
)

_NAMED_STREAMS: Final = 10
"""Streams that are counted one by one; of more than that the fullest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether NATS may be removed now, and why."""

    allowed: bool
    reason: Reason
    message: str

    drains: bool = False
    """Whether NATS may restart and take in no more messages: all that it holds outlives that."""


class Guard:
    """Judge whether NATS may be removed. It fails closed: what cannot be asked is taken to hold messages."""

    def __init__(self, jetstream: JetStream, claims: Claims, *, clock: Callable[[], datetime]) -> None:
        self._jetstream = jetstream
        self._claims = claims
        self._clock = clock

    async def judge(self, eventing: Object, spec: EventingSpec, statefulset: Object | None) -> Verdict:
        """Ask JetStream, unless the user does not care for the answer or there cannot be anything.

        Without the StatefulSet nobody can be asked, while its volumes may be full.
        """
        force = force_of(eventing, self._clock())
        if force.applies:
            return _allow(Reason.FORCED, force.note)
        verdict = await self._look(eventing, spec, statefulset)
        if verdict.allowed or not force.note:
            return verdict
        return replace(verdict, message=f"{verdict.message}; {force.note}")

    async def _look(self, eventing: Object, spec: EventingSpec, statefulset: Object | None) -> Verdict:
        if spec.nats.on_undelivered is OnUndelivered.DISCARD:
            return _allow(Reason.DISCARDED, "spec.backend.nats.onUndelivered is Discard")
        if statefulset is None:
            return await self._judge_volumes()
        servers: int = statefulset["spec"]["replicas"]
        try:
            verdict = _judge_streams(await self._jetstream.streams(servers))
        except JetStreamError as error:
            if await self._cannot_hold_anything(eventing):
                return _allow(Reason.NOTHING_HELD, "NATS never became ready and has no volume")
            message = (
                f"NATS cannot be asked for its messages, so it stays: {error}; bring it back; {WAYS_OUT}"
            )
            return Verdict(allowed=False, reason=Reason.JETSTREAM_SILENT, message=message)
        unasked = await self._unasked(eventing, servers) if verdict.allowed else []
        return _cannot_ask(unasked, servers) if unasked else verdict

    async def _unasked(self, eventing: Object, servers: int) -> list[Object]:
        """Return the volumes that no server has which was asked: someone scaled NATS down."""
        provisioned = provisioned_spec(eventing)
        if provisioned is None or not provisioned.nats.storage.is_volume:
            return []  # Volumes that are there all the same are none of its own, and stay.
        return [
            claim
            for claim in await self._claims.existing()
            if has_volume(claim) and ordinal_of(claim) >= servers
        ]

    async def _judge_volumes(self) -> Verdict:
        full = [claim for claim in await self._claims.existing() if has_volume(claim)]
        if not full:
            return _allow(Reason.NOTHING_HELD, f"{NATS} is not there, and has no volume")
        names = ", ".join(describe(claim) for claim in full)
        message = f"StatefulSet {NATS} is gone, and {names} may hold messages: it is brought back to be asked"
        return Verdict(allowed=False, reason=Reason.NATS_GONE, message=f"{message}; {WAYS_OUT}", drains=True)

    async def _cannot_hold_anything(self, eventing: Object) -> bool:
        was_ready = (eventing.get("status") or {}).get("activeBackend") == "nats"
        return not was_ready and not any(has_volume(claim) for claim in await self._claims.existing())


def _judge_streams(streams: Sequence[Stream]) -> Verdict:
    waiting = sorted(
        (stream for stream in streams if stream.undelivered),
        key=lambda stream: stream.undelivered,
        reverse=True,
    )
    if not waiting:
        return Verdict(
            allowed=True, reason=Reason.NOTHING_HELD, message="every message was received", drains=True
        )
    counts = ", ".join(f"{stream.undelivered} in stream {stream}" for stream in waiting[:_NAMED_STREAMS])
    rest = waiting[_NAMED_STREAMS:]
    if rest:
        counts += f", {sum(stream.undelivered for stream in rest)} in {len(rest)} more streams"
    message = f"messages that nobody has received: {counts}; receive them; {WAYS_OUT}"
    drains = not any(stream.is_in_memory for stream in waiting)
    return Verdict(allowed=False, reason=Reason.UNDELIVERED, message=message, drains=drains)


def _cannot_ask(claims: Sequence[Object], servers: int) -> Verdict:
    names = ", ".join(describe(claim) for claim in claims)
    message = (
        f"{names} may hold messages, and {NATS} has {servers} servers, none of which can be asked for them;"
        f" bring back the server of each; {WAYS_OUT}"
    )
    return Verdict(allowed=False, reason=Reason.JETSTREAM_SILENT, message=message)


def _allow(reason: Reason, message: str) -> Verdict:
    return Verdict(allowed=True, reason=reason, message=message)
