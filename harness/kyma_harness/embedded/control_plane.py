"""Start the components in the order they need one another, and stop them in the opposite one."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kyma_harness.embedded.components import Component, Components, until_ready
from kyma_harness.embedded.errors import ComponentFailedError
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.process import Child, spawn
from kyma_harness.wait.steps import Step

_READY_SECONDS = 150.0
# What they would tidy up is removed with the state folder: they get time to end, not all the time they like.
_GRACE_SECONDS = 5.0
_LOOK_SECONDS = 0.05

Announce = Callable[[Step], None]


@dataclass(slots=True, kw_only=True)
class ControlPlane:
    """Own the processes of one cluster's control plane and registry."""

    components: Components
    layout: Layout
    announce: Announce
    ready_seconds: float = _READY_SECONDS
    _children: dict[str, Child] = field(default_factory=dict)
    _components: dict[str, Component] = field(default_factory=dict)

    async def start_api(self) -> None:
        """Start etcd and the API server, and return when the API answers.

        The API server waits for etcd by itself, and has a second's work to do before it needs it.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._start(self.components.etcd()))
            tasks.create_task(self._start(self.components.api_server()))

    async def start_registry(self) -> None:
        """Start the OCI registry and return when it answers."""
        await self._start(self.components.registry())

    async def start_controllers(self) -> None:
        """Start controller manager and scheduler, and return when both are healthy."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._start(self.components.controller_manager()))
            tasks.create_task(self._start(self.components.scheduler()))

    async def until_one_ends(self) -> None:
        """Wait for as long as all components live; raise ComponentFailedError for the first that does not.

        One that is meant to be down is no failure: it is started again when it is no longer meant to be.
        """
        async with asyncio.TaskGroup() as tasks:
            for component in list(self._components.values()):
                tasks.create_task(self._keep(component))

    async def _keep(self, component: Component) -> None:
        while True:
            child = self._children[component.name]
            await child.wait()
            if not self._is_meant_to_be_down(component):
                raise ComponentFailedError.of(child, f"ended with {child.returncode}", child.last_words())
            await self._stay_down(component)
            try:
                await self._start(component)
            except ComponentFailedError:
                if not self._is_meant_to_be_down(component):  # else it was taken down again as it started
                    raise

    def _is_meant_to_be_down(self, component: Component) -> bool:
        """Tell whether somebody has taken it down, be it one who was killed right after that."""
        return self.layout.down(component.name).path.exists()

    async def _stay_down(self, component: Component) -> None:
        """Wait until nobody holds the component down any more."""
        lock, fallen = self.layout.down(component.name, "supervisor"), self.layout.fallen(component.name)
        fallen.touch()
        while not lock.try_acquire():  # noqa: ASYNC110 - a lock cannot be awaited
            await asyncio.sleep(_LOOK_SECONDS)
        fallen.unlink(missing_ok=True)
        lock.remove()

    async def stop(self) -> None:
        """Stop clients before servers; each is waited for."""
        await self._stop("kube-controller-manager", "kube-scheduler")
        await self._stop("registry", "kube-apiserver")
        await self._stop("etcd")

    async def _start(self, component: Component) -> None:
        step = Step(name=component.name)
        self.announce(step)
        child = await spawn(
            component.argv,
            name=component.name,
            env={"PATH": os.defpath, "HOME": str(self.layout.root), **dict(component.environment)},
            cwd=self.layout.root,
            stdout=self.layout.log(component.name),
        )
        self._children[component.name] = child
        self._components[component.name] = component
        await until_ready(child, component.probe, self.ready_seconds)
        self.announce(step.over())

    async def _stop(self, *names: str) -> None:
        children = [self._children[name] for name in names if name in self._children]
        await asyncio.gather(*(child.terminate(_GRACE_SECONDS) for child in children))


async def timed(name: str, announce: Announce, work: Awaitable[None]) -> None:
    """Announce the beginning and the end of a step that is not a component."""
    step = Step(name=name)
    announce(step)
    await work
    announce(step.over())
