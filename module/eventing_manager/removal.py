"""Take away what was installed, and say what is still in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.kinds import STATEFUL_SET
from controller.resource import Kind, ObjectKey, describe, is_deleting
from eventing_manager.claims import reclaim_policy
from eventing_manager.spec import ReclaimPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.resource import Object
    from eventing_manager.claims import Claims
    from eventing_manager.guard import Guard, Verdict
    from eventing_manager.installation import Installation
    from eventing_manager.spec import EventingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a removal is: over when nothing is waited for and nothing holds it up."""

    verdict: Verdict | None = None
    """What the guard says; None where there is nothing to guard any more."""

    waiting_for: str = ""
    """The objects that are still there, named."""

    retained: tuple[ObjectKey, ...] = ()
    """The claims that stay, because they were asked to."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done."""
        return not self.waiting_for and (self.verdict is None or self.verdict.allowed)


class Removal:
    """Remove NATS of an Eventing that does not want it any more, or that goes itself.

    Everything is read from the API server, not from a copy: a copy that has not heard of an object yet would
    leave it behind.
    """

    def __init__(self, installation: Installation, claims: Claims, guard: Guard) -> None:
        self._installation = installation
        self._claims = claims
        self._guard = guard

    async def advance(self, eventing: Object, spec: EventingSpec) -> Progress:
        """Do what can be done now; call again when something of it changes."""
        verdict = await self._verdict(eventing, spec)
        if verdict is not None and not verdict.allowed:
            return Progress(verdict=verdict)
        remaining = await self._installation.remove(eventing)
        if remaining:
            return Progress(verdict=verdict, waiting_for=_names(remaining))
        claims = await self._claims.existing()
        if reclaim_policy(eventing, spec) is ReclaimPolicy.RETAIN:
            return Progress(retained=tuple(ObjectKey.of(claim) for claim in claims))
        # Only now: until the last server is gone, a claim would wait for it anyway.
        await self._claims.delete(claims)
        return Progress(waiting_for=_names(claims))

    async def _verdict(self, eventing: Object, spec: EventingSpec) -> Verdict | None:
        members = await self._installation.members(eventing)
        held = [obj for obj in members if Kind.of(obj) == STATEFUL_SET and not is_deleting(obj)]
        # One that is being deleted was judged before: what it held is on its way out.
        return await self._guard.judge(eventing, spec, held[0]) if held else None


def _names(objects: Sequence[Object]) -> str:
    return ", ".join(describe(obj) for obj in objects)
