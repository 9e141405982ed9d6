"""Take away what was installed, and say what is still in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventing_manager.claims import reclaim_policy
from eventing_manager.draining import not_before_draining
from eventing_manager.names import nats_statefulset
from eventing_manager.reports import remembered_verdict
from eventing_manager.spec import ReclaimPolicy
from kubeloop.kinds import STATEFUL_SET
from kubeloop.resource import Kind, ObjectKey, describe, is_deleting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventing_manager.claims import Claims
    from eventing_manager.guard import Guard, Verdict
    from eventing_manager.installation import Installation
    from eventing_manager.spec import EventingSpec
    from kubeloop.resource import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a removal is: over when nothing is waited for."""

    waiting_for: str = ""
    """The objects that are still there, named."""

    retained: tuple[ObjectKey, ...] = ()
    """The claims that stay, because they were asked to."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done."""
        return not self.waiting_for


class Removal:
    """Remove NATS of an Eventing that does not want it any more, or that goes itself.

    Everything is read from the API server, not from a copy: a copy that has not heard of an object yet would
    leave it behind.
    """

    def __init__(self, namespace: str, installation: Installation, claims: Claims, guard: Guard) -> None:
        self._statefulset = nats_statefulset(namespace)
        self._installation = installation
        self._claims = claims
        self._guard = guard

    async def judge(self, eventing: Object, spec: EventingSpec) -> Verdict | None:
        """Return whether NATS may be removed, None where there is nothing to judge.

        What was allowed is written into the status before the first deletion. So a StatefulSet that is gone
        without such a word was deleted by someone else, and what it held was never asked for.
        """
        remembered = remembered_verdict(eventing)
        copy = self._installation.copy_of(STATEFUL_SET, self._statefulset) if remembered is None else None
        if copy is not None and not is_deleting(copy):
            # It may be late, which is good enough to wait by, and spares the API server, maybe for days.
            verdict = await self._look(eventing, spec, copy)
            if not verdict.allowed:
                return verdict
        statefulset = await self._alive(eventing)
        if statefulset is not None:
            return await self._look(eventing, spec, statefulset)
        if remembered is not None or reclaim_policy(eventing, spec) is ReclaimPolicy.RETAIN:
            return remembered
        return await self._guard.judge(eventing, spec, None)

    async def advance(self, eventing: Object, spec: EventingSpec) -> Progress:
        """Do what can be done now, having been allowed to; call again when something of it changes."""
        remaining = await self._installation.remove(eventing)
        if remaining:
            return Progress(waiting_for=_names(remaining))
        claims = await self._claims.existing()
        if reclaim_policy(eventing, spec) is ReclaimPolicy.RETAIN:
            return Progress(retained=tuple(ObjectKey.of(claim) for claim in claims))
        # Only now: until the last server is gone, a claim would wait for it anyway.
        await self._claims.delete(claims)
        return Progress(waiting_for=_names(claims))

    async def _look(self, eventing: Object, spec: EventingSpec, statefulset: Object) -> Verdict:
        verdict = await self._guard.judge(eventing, spec, statefulset)
        return not_before_draining(verdict, eventing, statefulset)

    async def _alive(self, eventing: Object) -> Object | None:
        """Return the StatefulSet unless it is being deleted."""
        found = await self._installation.members(eventing)
        alive = (obj for obj in found if Kind.of(obj) == STATEFUL_SET and not is_deleting(obj))
        return next(alive, None)


def _names(objects: Sequence[Object]) -> str:
    return ", ".join(describe(obj) for obj in objects)
