"""Know what in a cluster that stays is of our own making: by uid, as a name may be anybody's by now."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from kubeloop.client import Client
from kubeloop.errors import ConflictError, KindAbsentError, NotFoundError
from kubeloop.kinds import NAMESPACE
from kubeloop.resource import Kind, Object, ObjectKey, uid_of
from kyma_harness.wait.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One object that we have made."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, obj: Object) -> Self:
        """Return what is to be kept of an object as the API server has it."""
        kind, key = Kind.of(obj), ObjectKey.of(obj)
        return cls(
            api_version=kind.api_version,
            kind=kind.kind,
            namespace=key.namespace,
            name=key.name,
            uid=uid_of(obj),
        )

    @property
    def target(self) -> Target:
        """Where it is."""
        kind = Kind.parse(self.api_version, self.kind)
        return Target(kind=kind, name=self.name, namespace=self.namespace or None)


class Makings:
    """All that was made in one cluster, in the order in which it was.

    ``keep`` gets all of it whenever something is new, before the next object is made.
    """

    def __init__(
        self, known: Iterable[Made] = (), keep: Callable[[Sequence[Made]], None] = lambda _: None
    ) -> None:
        self._made = list(known)
        self._keep = keep

    def __iter__(self) -> Iterator[Made]:
        return iter(self._made)

    def __contains__(self, found: Object) -> bool:
        """Tell whether we have made an object that was read from the API server."""
        return any(one.uid == uid_of(found) for one in self._made)

    async def apply(self, client: Client, item: Object, *, field_manager: str) -> Object:
        """Apply an object, and note it if there was none; a namespace that is not ours is left as it is."""
        kind, key = Kind.of(item), ObjectKey.of(item)
        try:
            found = await client.get(kind, key.name, key.namespace or None)
        except (NotFoundError, KindAbsentError):
            return await self._make(client, item, field_manager)
        if kind == NAMESPACE and found not in self:
            return found
        return await client.apply(item, field_manager=field_manager, force=True)

    async def delete(self, client: Client, made: Made) -> Target | None:
        """Ask for the deletion of what we have made; None where it is not there, or another has its name."""
        target = made.target
        try:
            await client.delete(target.kind, target.name, namespace=target.namespace, uid=made.uid)
        except (NotFoundError, KindAbsentError, ConflictError):
            return None
        return target

    async def _make(self, client: Client, item: Object, field_manager: str) -> Object:
        """Make an object and note it, also where we are cancelled meanwhile: nobody would remove it else."""
        making = asyncio.ensure_future(client.apply(item, field_manager=field_manager, force=True))
        try:
            made = await asyncio.shield(making)
        except asyncio.CancelledError:
            self._note(await making)
            raise
        self._note(made)
        return made

    def _note(self, made: Object) -> None:
        self._made.append(Made.of(made))
        self._keep(self._made)
