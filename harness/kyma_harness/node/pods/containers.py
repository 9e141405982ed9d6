"""Run a pod's containers in order: init containers, sidecars beside them, then all the others at once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from kubeloop.resource import Object
from kyma_harness.node.containers.container import ContainerRunner
from kyma_harness.node.states import ContainerRecord, Waiting


class MakeRunner(Protocol):
    """Make the runner of one container; `changed` is to be called whenever its record changes."""

    def __call__(
        self, container: Mapping[str, Any], *, field: str, restart: str, changed: Callable[[], None]
    ) -> ContainerRunner:
        """Return the runner."""
        ...


class PodContainers:
    """The containers of one pod."""

    def __init__(self, pod: Object, make: MakeRunner, *, changed: Callable[[], None]) -> None:
        spec = pod["spec"]
        policy = str(spec.get("restartPolicy", "Always"))
        self.sidecars = frozenset(
            one["name"] for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"
        )
        self._changed = changed
        self._news = asyncio.Event()
        self._stopping = False
        self.init = [
            make(
                one,
                field="spec.initContainers",
                restart=_init_policy(one["name"] in self.sidecars, policy),
                changed=self._on_change,
            )
            for one in spec.get("initContainers") or ()
        ]
        self.main = [
            make(one, field="spec.containers", restart=policy, changed=self._on_change)
            for one in spec["containers"]
        ]
        self._take_up(pod.get("status") or {})

    @property
    def all(self) -> Sequence[ContainerRunner]:
        """Every container, init containers first."""
        return [*self.init, *self.main]

    def find(self, name: str) -> ContainerRunner | None:
        """Return a container by name."""
        return next((runner for runner in self.all if runner.record.name == name), None)

    def update(self, pod: Object) -> None:
        """Take over changed definitions."""
        spec = pod["spec"]
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            if runner := self.find(container["name"]):
                runner.update(container)

    def wake(self) -> None:
        """Let every container that waits for something try again."""
        for runner in self.all:
            runner.wake()

    async def run(self) -> None:
        """Run all containers until they have ended for good."""
        async with asyncio.TaskGroup() as beside:
            if await self._initialize(beside):
                async with asyncio.TaskGroup() as group:
                    for runner in self.main:
                        group.create_task(runner.run())
            if not self._stopping:
                await self._stop(self._sidecar_runners, grace=None)

    async def stop(self, grace: float) -> None:
        """End all containers within so many seconds, sidecars last; a second call may shorten the grace."""
        self._stopping = True
        self._news.set()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        sidecars = self._sidecar_runners
        await self._stop([runner for runner in self.all if runner not in sidecars], grace=grace)
        await self._stop(sidecars, grace=max(0.0, deadline - loop.time()))

    async def _initialize(self, beside: asyncio.TaskGroup) -> bool:
        """Run the init containers one by one; return whether the others may start."""
        for runner in self.init:
            if runner.record.name in self.sidecars:
                beside.create_task(runner.run())
                await self._until_started(runner.record)
            else:
                ended = await runner.run()
                if ended is None or not ended.succeeded:
                    return False
            if self._stopping:
                return False
            runner.record.initialized = True
            self._on_change()
        for runner in self.main:
            runner.record.state = Waiting("ContainerCreating")
        return not self._stopping

    async def _until_started(self, sidecar: ContainerRecord) -> None:
        while not sidecar.started and not self._stopping:
            self._news.clear()
            await self._news.wait()

    async def _stop(self, runners: Sequence[ContainerRunner], *, grace: float | None) -> None:
        async with asyncio.TaskGroup() as group:
            for runner in runners:
                group.create_task(runner.stop(runner.grace if grace is None else grace))

    @property
    def _sidecar_runners(self) -> list[ContainerRunner]:
        return [runner for runner in self.init if runner.record.name in self.sidecars]

    def _on_change(self) -> None:
        self._news.set()
        self._changed()

    def _take_up(self, status: Mapping[str, Any]) -> None:
        """Go on counting where an earlier life of the node stopped."""
        reported = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
        for one in reported:
            if runner := self.find(one["name"]):
                runner.record.take_up(one)
        if self.init:
            for runner in self.all:
                runner.record.state = Waiting("PodInitializing")


def _init_policy(is_sidecar: bool, pod_policy: str) -> str:  # noqa: FBT001 - one of two kinds of init container
    if is_sidecar:
        return "Always"
    return "Never" if pod_policy == "Never" else "OnFailure"
