"""Start, find and stop an embedded cluster from outside: by its supervisor, its state folder and its lock."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Self

from kyma_harness.embedded.addresses import service_address
from kyma_harness.embedded.announcements import Announcements
from kyma_harness.embedded.errors import ClusterRunningError, ClusterStartError, ClusterStopError
from kyma_harness.embedded.layout import PURPOSE, ClusterRecord, Layout
from kyma_harness.embedded.settings import SupervisorSettings
from kyma_harness.host.descendants import end_marked
from kyma_harness.host.errors import HarnessError, LockHeldError, also
from kyma_harness.host.interpreter import ANYWHERE, environment, program
from kyma_harness.host.pinned_process import end_process
from kyma_harness.host.process import Child, handing_over, spawn
from kyma_harness.host.sharing import Share
from kyma_harness.toolchain.toolchain import ToolPaths
from kyma_harness.wait.steps import Step

_KILL_SECONDS = 10.0
_GLANCE_SECONDS = 1.0
"""Longer than others look at a lock, during which nobody can take it."""
_NO_VALUES: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class EmbeddedCluster:
    """A running cluster, seen from outside."""

    record: ClusterRecord
    state: Path
    _users: Share | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.record.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return Path(self.record.kubeconfig)

    @property
    def registry(self) -> str:
        """`127.0.0.1:PORT` of the OCI registry, plain HTTP."""
        return self.record.registry

    @property
    def tools(self) -> ToolPaths:
        """The tools it runs with."""
        return ToolPaths(folder=Path(self.record.tools))

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self.record.pid

    @property
    def logs(self) -> Path:
        """The folder with one log file per component."""
        return Path(self.record.logs)

    @classmethod
    async def start(
        cls,
        *,
        name: str,
        state: Path,
        tools: ToolPaths,
        rules: Sequence[Path] = (),
        placeholders: Mapping[str, str] = _NO_VALUES,
        detached: bool,
        users: Share | None = None,
        on_step: Callable[[Step], None] = lambda _: None,
        timeout: float = 180,  # noqa: ASYNC109 - part of the message
        api_port: int | None = None,
        registry_port: int | None = None,
        keep_state: bool = False,
    ) -> Self:
        """Start a cluster and return when it is ready.

        A detached one stays until it is stopped. Any other stops when nobody has a share of it any more: the
        kernel counts, however a process ends. `users` is the share to take, where it is not ours alone. The
        ports are any free ones unless given. Raises ClusterRunningError when a cluster runs with this state
        folder, ClusterStartError with the reason when it is not ready after `timeout` seconds; nothing is
        left then.
        """
        layout = Layout.at(state)
        layout.check_free()
        share = None if detached else users or layout.users()
        settings = SupervisorSettings(
            name=name,
            state=layout.root,
            tools=tools.folder.absolute(),  # it is run in another folder
            rules=tuple(file.absolute() for file in rules),
            placeholders=placeholders,
            detached=detached,
            api_port=api_port,
            registry_port=registry_port,
            keep_state=keep_state,
        )
        try:
            if share:
                await share.join(_KILL_SECONDS)
            await _start(settings, on_step, timeout)
        except BaseException:
            if share:
                share.release()
            raise
        record = layout.read_record()
        if record is None:
            raise ClusterStartError(f"cluster {name} was stopped while it started: start it again")
        return cls(record=record, state=layout.root, _users=share)

    @classmethod
    def attach(cls, state: Path) -> Self | None:
        """Return the cluster that is ready and runs with this state folder; None where there is none."""
        layout = Layout.at(state)
        record, holder = layout.read_record(), layout.supervisor_lock().holder()
        if record is None or holder is None or holder.pid != record.pid:
            return None
        return cls(record=record, state=layout.root)

    async def stop(self, timeout: float = 45) -> None:  # noqa: ASYNC109 - see take_down()
        """Stop the cluster and remove its state folder."""
        await self.take_down(self.state, timeout)
        if self._users is not None:
            self._users.release()

    async def address_of(self, service_namespace: str, service_name: str, port: int) -> str:
        """Return `127.0.0.1:PORT` under which a Service's port answers; NoAddressError where it has none."""
        return await service_address(
            self.kubeconfig, namespace=service_namespace, name=service_name, port=port
        )

    @classmethod
    async def take_down(cls, state: Path, timeout: float = 45) -> bool:  # noqa: ASYNC109 - then it is killed
        """Remove whatever is there of a cluster: a running one, one that starts, the remains of a killed one.

        After `timeout` seconds the supervisor is killed, and its children with it. Returns whether there was
        anything. Raises ClusterStopError when the supervisor does not even end then, or when somebody else
        has taken the folder meanwhile.
        """
        layout = Layout.at(state)
        if not layout.exists():
            return False
        await cls.end_supervisor(state, timeout)
        if not await cls.remove_remains(state):
            holder = layout.supervisor_lock().holder() or "another process"
            raise ClusterStopError(
                f"{layout.root} stays, as {holder} has taken it meanwhile: see what that does, and stop the "
                "cluster again"
            )
        return True

    @staticmethod
    async def end_supervisor(state: Path, timeout: float = 45) -> bool:  # noqa: ASYNC109 - see take_down()
        """End the supervisor of a cluster that runs or starts, and nothing else; whether there was one.

        Raises ClusterStopError when it does not end.
        """
        lock = Layout.at(state).supervisor_lock()
        holder = lock.holder()
        if holder is None or not holder.purpose.startswith(PURPOSE):
            return False
        if not await end_process(holder.pid, lambda: lock.holder() == holder, grace=timeout):
            raise ClusterStopError(
                f"{holder} does not end, not even when killed: see {lock.path.parent / 'logs'}"
            )
        return True

    @staticmethod
    async def remove_remains(state: Path) -> bool:
        """Remove what a cluster that is no more has left behind; false where one runs, which stays."""
        layout = Layout.at(state)
        lock = layout.supervisor_lock("clean-up", timeout=_GLANCE_SECONDS)
        if not layout.exists():
            return True
        layout.check_ours()
        try:
            await lock.acquire_async()
        except LockHeldError:
            return False
        try:
            await asyncio.to_thread(end_marked, str(layout.root))
            layout.remove()
        finally:
            lock.release()
        return True


async def _start(settings: SupervisorSettings, on_step: Callable[[Step], None], timeout: float) -> None:  # noqa: ASYNC109
    reading, writing = os.pipe()
    steps = Announcements(on_step)
    with handing_over(writing, kept=reading):
        child = await spawn(
            [*program("kyma_harness.embedded.supervisor"), *settings.to_argv()],
            name="supervisor",
            env=environment(os.environ, Path.cwd()),
            cwd=ANYWHERE,
            stdout=writing,
            die_with_parent=False,
        )
    try:
        async with asyncio.timeout(timeout):
            await steps.follow(reading)
        await _judge(child, steps, settings)
    except BaseException as error:
        await child.terminate(_KILL_SECONDS)
        try:
            await EmbeddedCluster.remove_remains(settings.state)
        except (HarnessError, OSError) as second:
            also(error, f"What is left of it could not be removed: {second}")
        if isinstance(error, TimeoutError):
            raise ClusterStartError(
                f"cluster {settings.name} is not ready after {timeout:g} s, it waits for {steps.pending()}",
                timed_out=True,
            ) from None
        raise
    child.disown()


async def _judge(child: Child, steps: Announcements, settings: SupervisorSettings) -> None:
    if steps.is_ready:
        return
    async with asyncio.timeout(_KILL_SECONDS):
        code = await child.wait()
    if failure := steps.failure:
        kind = ClusterRunningError if failure.name == "lock" else ClusterStartError
        raise kind(failure.note)
    raise ClusterStartError(
        f"the supervisor of cluster {settings.name} ended with {code} and said: {steps.stray or 'nothing'}"
    )
