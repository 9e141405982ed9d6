"""Find out what the manager would do for an Eventing, and do none of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from eventing_manager.claims import misfit, reclaim_policy, unfit
from eventing_manager.dependencies import OPTIONAL_KINDS
from eventing_manager.differences import differences
from eventing_manager.draining import not_before_draining
from eventing_manager.names import EVENTING, nats_statefulset
from eventing_manager.reasons import Reason
from eventing_manager.spec import BackendType, EventingSpec, ReclaimPolicy
from eventing_manager.tenancy import first_served
from eventing_manager.values import chart_values
from kubeloop.errors import ForeignObjectError, KindAbsentError, NotFoundError
from kubeloop.kinds import STATEFUL_SET
from kubeloop.ordering import install_order
from kubeloop.resource import Kind, ObjectKey, describe, is_deleting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventing_manager.claims import Claims
    from eventing_manager.credentials import CredentialsKeeper
    from eventing_manager.dependencies import OptionalKind
    from eventing_manager.guard import Guard
    from eventing_manager.installation import Installation
    from eventing_manager.render import Renderer
    from kubeloop.client import Client
    from kubeloop.resource import Object


class Action(StrEnum):
    """What would be done to an object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object that would not stay as it is; ``details`` has a line for each difference."""

    action: Action
    subject: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, in the order in which it would be."""

    subject: str
    changes: tuple[Change, ...] = ()
    data: tuple[str, ...] = ()
    """What becomes of messages and volumes, in sentences."""


class Planner:
    """Compare what is with what an Eventing asks for; every write is a dry run of the API server."""

    def __init__(
        self,
        client: Client,
        *,
        renderer: Renderer,
        credentials: CredentialsKeeper,
        installation: Installation,
        claims: Claims,
        guard: Guard,
    ) -> None:
        self._client = client
        self._renderer = renderer
        self._credentials = credentials
        self._installation = installation
        self._claims = claims
        self._guard = guard

    async def of_current(self, key: ObjectKey) -> Plan:
        """Plan for an Eventing as it is; raise NotFoundError if there is none."""
        return await self._plan(await self._client.get(EVENTING, key.name, key.namespace))

    async def of_wanted(self, wanted: Object) -> Plan:
        """Plan for an Eventing as it might be; raise InvalidError where the API server would not take it."""
        key = ObjectKey.of(wanted)
        try:
            live = await self._client.get(EVENTING, key.name, key.namespace)
        except NotFoundError:
            return await self._plan(await self._client.create(wanted, dry_run=True))
        edited = {**live, "spec": wanted.get("spec")}
        return await self._plan(await self._client.update(edited, dry_run=True))

    async def _plan(self, eventing: Object) -> Plan:
        subject, spec = describe(eventing), EventingSpec.parse(eventing)
        served = await self._served(eventing)
        if served != ObjectKey.of(eventing):
            return Plan(
                subject=subject, data=(f"Eventing {served} is served, so nothing happens until it goes",)
            )
        goes = is_deleting(eventing) or spec.backend is not BackendType.NATS
        claims = await self._claims.existing()
        left = [] if goes else unfit(claims, spec.nats)
        if left:
            return _refusal(subject, spec, left)
        objects = [] if goes else await self._objects(spec)
        installed = await self._installed(eventing, objects)
        pruned = await self._pruned(eventing, objects)
        doomed = claims if goes and reclaim_policy(eventing, spec) is ReclaimPolicy.DELETE else []
        deleted = [Change(action=Action.DELETE, subject=describe(obj)) for obj in (*pruned, *doomed)]
        data = await self._removal_data(eventing, spec, pruned) if goes else _restart_data(spec, installed)
        kept = _stays([claim for claim in claims if claim not in doomed])
        return Plan(subject=subject, changes=(*installed, *deleted), data=(*data, *kept))

    async def _served(self, eventing: Object) -> ObjectKey | None:
        key = ObjectKey.of(eventing)
        others = [obj for obj in (await self._client.list(EVENTING)).items if ObjectKey.of(obj) != key]
        return first_served([*others, eventing])

    async def _objects(self, spec: EventingSpec) -> list[Object]:
        served = frozenset([kind for kind in OPTIONAL_KINDS if await self._is_served(kind)])
        credentials = await self._credentials.current()
        return await self._renderer.render(chart_values(spec, credentials=credentials, served=served))

    async def _is_served(self, optional: OptionalKind) -> bool:
        try:
            await self._client.served(optional.kind)
        except KindAbsentError:
            return False
        return True

    async def _installed(self, eventing: Object, objects: Sequence[Object]) -> list[Change]:
        changes = [await self._change(eventing, obj) for obj in objects]
        return [change for change in changes if change is not None]

    async def _change(self, eventing: Object, obj: Object) -> Change | None:
        try:
            existing, after = await self._installation.preview(eventing, obj)
        except ForeignObjectError as error:
            return Change(action=Action.REFUSE, subject=describe(obj), details=(str(error),))
        if existing is None:
            return Change(action=Action.CREATE, subject=describe(obj))
        found = differences(existing, after)
        return Change(action=Action.CHANGE, subject=describe(obj), details=tuple(found)) if found else None

    async def _pruned(self, eventing: Object, objects: Sequence[Object]) -> list[Object]:
        kept = {(Kind.of(obj), ObjectKey.of(obj)) for obj in objects}
        try:
            members = await self._installation.members(eventing)
        except NotFoundError:
            return []  # nothing was ever installed for an Eventing that does not exist
        pruned = [obj for obj in members if (Kind.of(obj), ObjectKey.of(obj)) not in kept]
        return sorted(pruned, key=install_order, reverse=True)

    async def _removal_data(
        self, eventing: Object, spec: EventingSpec, pruned: Sequence[Object]
    ) -> tuple[str, ...]:
        statefulset = next((obj for obj in pruned if Kind.of(obj) == STATEFUL_SET), None)
        if statefulset is None:
            return ()
        verdict = await self._guard.judge(eventing, spec, statefulset)
        outcome = "NATS may be removed" if verdict.allowed else "NATS stays for now"
        drains = not_before_draining(verdict, eventing, statefulset).reason is Reason.DRAINING
        restart = ("before that the servers of NATS restart, and take in no more messages",) if drains else ()
        return (f"{outcome}: {verdict.message}", *restart)


def _refusal(subject: str, spec: EventingSpec, left: Sequence[Object]) -> Plan:
    statefulset = nats_statefulset(ObjectKey.of(left[0]).namespace)
    refused = Change(
        action=Action.REFUSE,
        subject=f"{STATEFUL_SET.kind} {statefulset}",
        details=(misfit(left, spec.nats),),
    )
    return Plan(subject=subject, changes=(refused,), data=_stays(left))


def _stays(claims: Sequence[Object]) -> tuple[str, ...]:
    return tuple(f"{describe(claim)} stays" for claim in claims)


def _restart_data(spec: EventingSpec, changes: Sequence[Change]) -> tuple[str, ...]:
    """Tell of servers that restart, and of what they lose by it."""
    template = "spec.template."
    restarts = any(
        change.action is Action.CHANGE
        and change.subject.startswith(f"{STATEFUL_SET.kind} ")
        and any(detail.startswith(template) for detail in change.details)
        for change in changes
    )
    if not restarts:
        return ()
    loss = "their messages are kept on volumes"
    if not spec.nats.storage.is_volume:
        loss = "their messages are in memory, and lost where no other server has them"
    return (f"the servers of NATS restart one after the other; {loss}",)
