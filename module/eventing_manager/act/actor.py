"""Carry steps out, one after the other."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventing_manager.api import reports
from eventing_manager.decide.steps import (
    Apply,
    Delete,
    DeleteClaims,
    Keep,
    LetGo,
    LookAgain,
    Note,
    Report,
)
from kubeloop.errors import ConflictError, ForeignObjectError, InvalidError, NotFoundError
from kubeloop.kinds import PVC
from kubeloop.logs import get_logger
from kubeloop.resource import ObjectKey, describe, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventing_manager.act.eventings import Eventings
    from eventing_manager.act.install import Installation
    from eventing_manager.decide.steps import Step
    from eventing_manager.observe.kinds import OptionalKind
    from kubeloop.client import Client
    from kubeloop.resource import Object

log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of some steps."""

    eventing: Object
    """The Eventing as it was written last."""

    applied: list[Object] | None = None
    """What an ``Apply`` led to: then there is more to decide."""

    is_complete: bool = True
    look_again: float | None = None
    is_over: bool = False
    """Whether the Eventing was let go."""

    hindrance: str = ""
    """Why that which has to stay could not be kept as it was provisioned."""


class Actor:
    """The one place where decisions become requests."""

    def __init__(
        self,
        client: Client,
        eventings: Eventings,
        installation: Installation,
        *,
        on_prune: Callable[[Object], None] = lambda _obj: None,
    ) -> None:
        self._client = client
        self._eventings = eventings
        self._installation = installation
        self._on_prune = on_prune

    async def carry_out(
        self, steps: Sequence[Step], eventing: Object, kinds: frozenset[OptionalKind]
    ) -> Outcome:
        """Carry steps out in their order, until one of them raises."""
        outcome = Outcome(eventing=eventing)
        for step in steps:
            await self._take(step, outcome, kinds)
        return outcome

    async def _take(self, step: Step, outcome: Outcome, kinds: frozenset[OptionalKind]) -> None:
        match step:
            case Note(settings=settings):
                outcome.eventing = await self._eventings.claim(outcome.eventing, settings)
            case Apply(spec=spec):
                objects = await self._installation.objects(spec, kinds)
                applied = await self._installation.install(outcome.eventing, objects)
                outcome.applied, outcome.is_complete = (
                    applied.objects,
                    self._installation.is_complete(applied),
                )
            case Keep():
                outcome.hindrance = await self._keep(step, outcome.eventing, kinds)
            case Delete():
                await self._installation.remove(outcome.eventing)
            case DeleteClaims(claims=claims):
                await self._delete_claims(claims)
            case Report(report=report):
                if outcome.hindrance:
                    report = reports.hindered(report, outcome.hindrance)
                outcome.eventing = await self._eventings.report(outcome.eventing, report)
            case LetGo():
                await self._eventings.let_go(outcome.eventing)
                outcome.is_over = True
                log.info("nothing is left", object=describe(outcome.eventing))
            case LookAgain(seconds=seconds):
                outcome.look_again = seconds

    async def _keep(self, step: Keep, eventing: Object, kinds: frozenset[OptionalKind]) -> str:
        """Keep what is there as it was provisioned; return what is in the way of that."""
        try:
            objects = await self._installation.objects(step.spec, kinds, draining=step.draining)
            await self._installation.install(eventing, objects)
        except (InvalidError, ForeignObjectError) as error:
            return str(error)
        return ""

    async def _delete_claims(self, claims: Sequence[Object]) -> None:
        """Ask for the deletion of claims; they go when no pod uses them any more.

        Kubernetes leaves them when the StatefulSet goes, which is wanted: one deleted by hand comes back with
        its messages. So it falls to the manager to remove them with the backend.
        """
        for claim in claims:
            key = ObjectKey.of(claim)
            with contextlib.suppress(NotFoundError, ConflictError):  # gone, or another one by now
                await self._client.delete(PVC, key.name, namespace=key.namespace, uid=uid_of(claim))
                self._on_prune(claim)
