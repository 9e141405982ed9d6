"""Run a pod's containers in a kubelet's order, both at their start and at their end."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from kubeloop.resource import Object
from kyma_harness.node.containers.container import INIT, Container
from kyma_harness.node.containers.restarts import RestartPolicy
from kyma_harness.node.states import Waiting

_MAIN = "spec.containers"


class MakeContainer(Protocol):
    """Make one container; `changed` is to be called whenever its record changes."""

    def __call__(
        self,
        container: Mapping[str, Any],
        *,
        field: str,
        policy: RestartPolicy,
        changed: Callable[[], None],
        turn: Callable[[], Coroutine[Any, Any, None]],
    ) -> Container:
        """Return the container, which waits for its `turn` before it is sent SIGTERM."""
        ...


class PodContainers:
    """The containers of one pod.

    Init containers run one by one, sidecars among them beside all that comes after. The others are started
    one after the other, each when the one before it was tried and its postStart hook is done. They end all at
    once, and after them the sidecars, the last one first.
    """

    def __init__(self, pod: Object, make: MakeContainer, *, changed: Callable[[], None]) -> None:
        spec = pod["spec"]
        self._changed = changed
        self._news = asyncio.Event()
        self._is_stopping = False

        def made(one: Mapping[str, Any], field: str) -> Container:
            policy = RestartPolicy.of(one, pod, is_init=field == INIT)
            turn = partial(self._turn_of, one["name"])
            return make(one, field=field, policy=policy, changed=self._on_change, turn=turn)

        self.init = [made(one, INIT) for one in spec.get("initContainers") or ()]
        self.main = [made(one, _MAIN) for one in spec["containers"]]
        self.sidecars = frozenset(
            one["name"] for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"
        )
        self._take_up(pod.get("status") or {})

    @property
    def all(self) -> Sequence[Container]:
        """Every container, init containers first."""
        return [*self.init, *self.main]

    def find(self, name: str) -> Container | None:
        """Return a container by name."""
        return next((one for one in self.all if one.record.name == name), None)

    def update(self, pod: Object) -> None:
        """Take over changed definitions."""
        spec = pod["spec"]
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            if one := self.find(container["name"]):
                one.update(container)

    def wake(self) -> None:
        """Let every container that waits for something try again."""
        for one in self.all:
            one.wake()

    async def run(self, grace: float) -> None:
        """Run all containers until they are over; sidecars that are left get so many seconds to end."""
        async with asyncio.TaskGroup() as group:
            if await self._initialize(group):
                for one in self.main:
                    group.create_task(one.run())
                    await self._until_settled(one)
                await self._until(lambda: all(one.is_over for one in self.main))
            for one in self._sidecars:
                one.stop(grace)

    def stop(self, grace: float) -> None:
        """End all containers within so many seconds; a second call may shorten them."""
        self._is_stopping = True
        for one in self.all:
            one.stop(grace)
        self._on_change()

    async def _initialize(self, group: asyncio.TaskGroup) -> bool:
        """Run the init containers in turn; return whether the others may start."""
        for one in self.init:
            group.create_task(one.run())
            is_sidecar = one.record.name in self.sidecars
            await self._until_done(one, is_sidecar=is_sidecar)
            if self._is_stopping or not (is_sidecar or one.has_succeeded):
                return False
            one.record.initialized = True
            self._on_change()
        for one in self.main:
            one.record.state = Waiting("ContainerCreating")
        return not self._is_stopping

    async def _turn_of(self, name: str) -> None:
        """Wait until those have ended that are to end before a container: all others before a sidecar."""
        if name not in self.sidecars:
            return
        later = self._sidecars[[one.record.name for one in self._sidecars].index(name) + 1 :]
        await self._until(lambda: not any(one.record.has_process for one in (*self.main, *later)))

    async def _until_settled(self, one: Container) -> None:
        await self._until(lambda: one.is_settled)

    async def _until_done(self, one: Container, *, is_sidecar: bool) -> None:
        """Wait until an init container has done its part, or never will."""
        await self._until(lambda: one.is_over or (is_sidecar and one.record.started))

    async def _until(self, claim: Callable[[], bool]) -> None:
        while not claim():
            self._news.clear()
            await self._news.wait()

    @property
    def _sidecars(self) -> list[Container]:
        return [one for one in self.init if one.record.name in self.sidecars]

    def _on_change(self) -> None:
        self._news.set()
        self._changed()

    def _take_up(self, status: Mapping[str, Any]) -> None:
        """Go on counting where an earlier life of the node stopped."""
        reported = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
        for one in reported:
            if container := self.find(one["name"]):
                container.take_up(one)
        if self.init:
            for container in self.all:
                container.record.state = Waiting("PodInitializing")
