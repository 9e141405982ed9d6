"""What users, others and misfortune may do: each to the model, and to the cluster.

A command's ``repr`` is the Python that makes it, so that a printed program can be run again.
"""

import signal
from dataclasses import dataclass, fields, replace
from typing import ClassVar

from proof_model import WORK_QUEUE, Eventing, Wish
from proof_rig import is_work

from kyma_harness.faults.plan import Moment, kill_at


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """Something that happens, first to the cluster and then to the model."""

    needs_rest: ClassVar[bool] = False
    """Whether what comes of it would depend on how far the manager had come with the acts before."""

    needs_calm: ClassVar[bool] = False
    """Whether it speaks with NATS, which may be away for a moment after anything at all."""

    def __repr__(self):
        values = ", ".join(repr(getattr(self, one.name)) for one in fields(self))
        return f"{type(self).__name__}({values})"

    async def happen(self, stage):
        """Do it to the cluster."""

    def change(self, world):
        """Do it to the model."""


@dataclass(frozen=True, slots=True, repr=False)
class Settle(Command):
    """Let the manager come to rest, and compare."""

    async def happen(self, stage):
        await stage.settle()


@dataclass(frozen=True, slots=True, repr=False)
class Create(Command):
    name: str
    wish: Wish
    needs_rest = True

    async def happen(self, stage):
        await stage.write(self.name, self.wish)

    def change(self, world):
        world.restless = True
        world.eventings[self.name] = Eventing(wish=self.wish)


@dataclass(frozen=True, slots=True, repr=False)
class Delete(Command):
    name: str
    needs_rest = True

    async def happen(self, stage):
        await stage.delete_eventing(self.name)

    def change(self, world):
        world.restless = True
        world.eventings[self.name].is_deleted = True


@dataclass(frozen=True, slots=True, repr=False)
class Edit(Command):
    name: str
    field: str
    value: str | int | bool
    needs_rest = True

    async def happen(self, stage):
        await stage.write(self.name, self._wish(stage.world))

    def change(self, world):
        world.restless = True
        may_go_on = self.field == "backend" and self.name == world.served and world.in_place
        world.switching = self.name if may_go_on and not world.unread else ""
        world.eventings[self.name].wish = self._wish(world)

    def _wish(self, world):
        return replace(world.eventings[self.name].wish, **{self.field: self.value})


@dataclass(frozen=True, slots=True, repr=False)
class SwitchAtOnce(Command):
    """Change the backend while the manager is not done with the last change of it."""

    name: str
    backend: str

    async def happen(self, stage):
        wish = stage.world.eventings[self.name].wish
        await stage.write(self.name, replace(wish, backend=self.backend))

    def change(self, world):
        eventing = world.eventings[self.name]
        eventing.wish = replace(eventing.wish, backend=self.backend)
        if eventing.gives_volumes_up:
            world.kept.clear()  # nobody waits for them, so they may be gone by now


@dataclass(frozen=True, slots=True, repr=False)
class End(Command):
    """A manager ends, and the next one is started."""

    number: signal.Signals

    def __repr__(self):
        return f"End(signal.{self.number.name})"

    async def happen(self, stage):
        await stage.end_manager(self.number)


@dataclass(frozen=True, slots=True, repr=False)
class KillAtCall(Command):
    """The manager is killed at one of the next calls that it makes."""

    number: int
    moment: Moment

    def __repr__(self):
        return f"KillAtCall({self.number}, Moment.{self.moment.name})"

    async def happen(self, stage):
        stage.expect_faults(kill_at(self.number, self.moment, selects=is_work))


@dataclass(frozen=True, slots=True, repr=False)
class Install(Command):
    """Others install one of their kinds."""

    kind: str

    async def happen(self, stage):
        await stage.install(self.kind)

    def change(self, world):
        world.kinds.add(self.kind)


@dataclass(frozen=True, slots=True, repr=False)
class Uninstall(Command):
    kind: str

    async def happen(self, stage):
        await stage.uninstall(self.kind)

    def change(self, world):
        world.kinds.discard(self.kind)


@dataclass(frozen=True, slots=True, repr=False)
class PutSecret(Command):
    """The Secret of EventMesh is good, malformed, or empty: not there."""

    content: str

    async def happen(self, stage):
        await stage.put_secret(self.content)

    def change(self, world):
        world.secret = self.content


@dataclass(frozen=True, slots=True, repr=False)
class PutForeign(Command):
    """Others make an object by a name that NATS needs."""

    obj: str
    needs_rest = True

    async def happen(self, stage):
        await stage.put_foreign(self.obj)

    def change(self, world):
        world.foreign[self.obj] = False


@dataclass(frozen=True, slots=True, repr=False)
class Adopt(Command):
    """That object is given to the manager."""

    obj: str

    async def happen(self, stage):
        await stage.let_adopt(self.obj)

    def change(self, world):
        world.foreign[self.obj] = True


@dataclass(frozen=True, slots=True, repr=False)
class RemoveForeign(Command):
    obj: str
    needs_rest = True

    async def happen(self, stage):
        await stage.delete_object(self.obj)

    def change(self, world):
        del world.foreign[self.obj]


@dataclass(frozen=True, slots=True, repr=False)
class DeleteByHand(Command):
    obj: str

    async def happen(self, stage):
        await stage.delete_object(self.obj)


@dataclass(frozen=True, slots=True, repr=False)
class EditByHand(Command):
    obj: str
    part: str

    async def happen(self, stage):
        await stage.tamper(self.obj, self.part)


@dataclass(frozen=True, slots=True, repr=False)
class Publish(Command):
    """Publish messages until each is accepted; ``first`` is the number of the first one."""

    stream: str
    first: int
    count: int
    needs_rest = needs_calm = True

    async def happen(self, stage):
        await stage.mailbox.publish(self.stream, range(self.first, self.first + self.count))

    def change(self, world):
        numbers = {(self.stream, self.first + n) for n in range(self.count)}
        world.published = self.first + self.count
        world.kept |= numbers
        world.unread |= numbers


@dataclass(frozen=True, slots=True, repr=False)
class Receive(Command):
    """Receive and acknowledge everything."""

    needs_rest = needs_calm = True

    async def happen(self, stage):
        await stage.mailbox.receive(stage.world.unread)

    def change(self, world):
        world.kept -= {message for message in world.unread if message[0] == WORK_QUEUE}
        world.unread.clear()
        world.restless = True
