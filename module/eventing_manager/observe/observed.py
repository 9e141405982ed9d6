"""One frozen picture of what is, for one decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from eventing_manager.api.names import FINALIZER, nats_statefulset
from eventing_manager.api.spec import BackendType, EventingSpec, Force, OnUndelivered, force_of
from eventing_manager.api.status import State, remembered_verdict, state_of
from eventing_manager.errors import JetStreamError
from eventing_manager.observe.copies import applyset_of, existing_claims, unready_reason
from eventing_manager.observe.eventmesh import secret_found
from kubeloop.errors import NotFoundError
from kubeloop.kinds import STATEFUL_SET
from kubeloop.resource import Kind, ObjectKey, has_finalizer, is_deleting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from eventing_manager.api.status import Dependency
    from eventing_manager.observe.copies import Copies
    from eventing_manager.observe.jetstream import JetStream, Stream
    from eventing_manager.observe.kinds import OptionalKind
    from kubeloop.client import Client
    from kubeloop.resource import Object


class Wish(Enum):
    """What is wanted of the backend."""

    SPEC = "what the Eventing says"
    NOTHING = "nothing: the Eventing is being deleted"
    PAUSE = "nothing for now: the manager stops, and the next one provides it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """JetStream cannot be asked; ``why`` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What an apply led to."""

    statefulset: Object | None
    is_complete: bool
    """Whether every object is applied, and watched: a kind that is served may not be known everywhere yet."""

    silence: Silence | None = None
    """Why JetStream does not answer, None where it does; asked of a StatefulSet that is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is, as far as it matters for one Eventing."""

    eventing: Object
    spec: EventingSpec
    wish: Wish
    now: datetime
    force: Force
    members: tuple[Object, ...] = ()
    """What is installed for it, claims aside."""

    claims: tuple[Object, ...] = ()
    kinds: frozenset[OptionalKind] = frozenset()
    """The optional kinds that are served."""

    holdings: tuple[Stream, ...] | Silence | None = None
    """What JetStream holds; None where nobody has to ask."""

    secret: Dependency | None = None
    """The Secret of EventMesh; None where none is named."""

    installed: Installed | None = None
    """What the apply of this very pass led to."""

    is_confirmed: bool = False
    """Whether members and claims were read from the API server, and not from copies that may be late."""

    @property
    def wants_nats(self) -> bool:
        """Whether NATS has to be there."""
        return self.wish is Wish.SPEC and self.spec.backend is BackendType.NATS

    @property
    def is_claimed(self) -> bool:
        """Whether our finalizer is on the Eventing."""
        return has_finalizer(self.eventing, FINALIZER)

    @property
    def statefulset(self) -> Object | None:
        """The StatefulSet of NATS unless it is being deleted."""
        alive = (obj for obj in self.members if Kind.of(obj) == STATEFUL_SET and not is_deleting(obj))
        return next(alive, None)


class Observer:
    """Look at the cluster and at NATS."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStream,
        copies: Copies,
        *,
        namespace: str,
        kinds: Callable[[], frozenset[OptionalKind]],
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._jetstream = jetstream
        self._copies = copies
        self._namespace = namespace
        self._kinds = kinds
        self._clock = clock

    async def look(self, eventing: Object, *, is_stopping: bool = False) -> Observed:
        """Look at the copies, which costs the API server nothing.

        While a removal is under way they are too late to go by: what was deleted is still in them.
        """
        seen = self._begin(eventing, is_stopping=is_stopping)
        if remembered_verdict(eventing) is not None and state_of(eventing) != State.READY:
            return await self.confirm(seen)
        return await self._with(seen, self._copies.members(eventing), self._copies.claims())

    async def look_live(self, eventing: Object) -> Observed:
        """Look at what the API server knows now."""
        return await self.confirm(self._begin(eventing, is_stopping=False))

    async def confirm(self, seen: Observed) -> Observed:
        """Look at what the API server knows now, before anything is done that cannot be undone."""
        try:
            members = await applyset_of(self._client, seen.eventing, self._namespace).members()
        except NotFoundError:
            members = []  # an Eventing that does not exist, or not any more, has nothing to be found by
        claims = await existing_claims(self._client, self._namespace)
        fresh = replace(seen, now=self._clock(), kinds=self._kinds(), is_confirmed=True)
        return await self._with(fresh, members, claims)

    async def has_members(self, eventing: Object) -> bool:
        """Tell whether anything is installed for an Eventing, as the API server knows now."""
        return bool(await applyset_of(self._client, eventing, self._namespace).members())

    async def after_apply(
        self, seen: Observed, eventing: Object, objects: Sequence[Object], *, is_complete: bool
    ) -> Observed:
        """Take in what an apply led to; JetStream is asked once its servers are ready."""
        key = nats_statefulset(self._namespace)
        statefulset = next(
            (obj for obj in objects if Kind.of(obj) == STATEFUL_SET and ObjectKey.of(obj) == key), None
        )
        silence = None
        if statefulset is not None and unready_reason(statefulset) is None:
            silence = await self._silence()
        found = Installed(statefulset=statefulset, is_complete=is_complete, silence=silence)
        return replace(seen, eventing=eventing, installed=found)

    def _begin(self, eventing: Object, *, is_stopping: bool) -> Observed:
        now = self._clock()
        wish = Wish.NOTHING if is_deleting(eventing) else Wish.PAUSE if is_stopping else Wish.SPEC
        return Observed(
            eventing=eventing,
            spec=EventingSpec.parse(eventing),
            wish=wish,
            now=now,
            force=force_of(eventing, now),
            kinds=self._kinds(),
        )

    async def _with(self, seen: Observed, members: Sequence[Object], claims: Sequence[Object]) -> Observed:
        seen = replace(seen, members=tuple(members), claims=tuple(claims), holdings=None)
        if seen.wants_nats:
            return seen
        return replace(seen, holdings=await self._holdings(seen), secret=await self._secret(seen))

    async def _holdings(self, seen: Observed) -> tuple[Stream, ...] | Silence | None:
        is_given_up = seen.force.applies or seen.spec.nats.on_undelivered is OnUndelivered.DISCARD
        if seen.statefulset is None or is_given_up:
            return None
        try:
            return tuple(await self._jetstream.streams(seen.statefulset["spec"]["replicas"]))
        except JetStreamError as error:
            return Silence(why=str(error))

    async def _secret(self, seen: Observed) -> Dependency | None:
        if seen.wish is not Wish.SPEC or seen.spec.secret is None or seen.members:
            return None
        return await secret_found(self._client, seen.spec.secret, self._namespace)

    async def _silence(self) -> Silence | None:
        try:
            await self._jetstream.check()
        except JetStreamError as error:
            return Silence(why=str(error))
        return None
