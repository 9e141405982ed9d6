"""Faults for ordinary test functions: each begins at once, and ends with its block or with the test."""

from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    suppress,
)
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from kubeloop.client import Client
from kubeloop.errors import ConflictError, NotFoundError
from kubeloop.kinds import LEASE
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.embedded.repairs import Repair, Repairs, Request
from kyma_harness.faults import disk, node
from kyma_harness.faults.components import Components, Signals, container_pid
from kyma_harness.faults.plan import Plan
from kyma_harness.faults.proxy import ApiProxy
from kyma_harness.host.blocking import Portal

_LONG_AGO: Final = "2000-01-01T00:00:00.000000Z"
_STRANGER: Final = "nobody: a fault was injected"
_A_DAY: Final = 86_400
_GIVEN_BACK: Final = {"holderIdentity": "", "renewTime": _LONG_AGO, "leaseDurationSeconds": 1}


async def _expire_lease(client: Client, namespace: str, name: str) -> None:
    """Let a lease run out: it counts as last renewed long ago, for one second.

    Who competes by a clock of its own counts that second from when it sees this. A holder that lives renews.
    """
    await _set(client, namespace, name, renewTime=_LONG_AGO, leaseDurationSeconds=1)


@asynccontextmanager
async def _lease_taken(client: Client, namespace: str, name: str, repairs: Repairs) -> AsyncIterator[None]:
    """Let nobody lead while the block runs: a stranger holds the lease, and gives it back in the end."""
    path = f"/apis/{LEASE.api_version}/namespaces/{namespace}/leases/{name}"
    repair = Repair(requests=(Request(method="PATCH", path=path, body={"spec": _GIVEN_BACK}),))
    with repairs.promised(repair) as promise:
        await _set(
            client,
            namespace,
            name,
            holderIdentity=_STRANGER,
            acquireTime=_now(),
            renewTime=_now(),
            leaseDurationSeconds=_A_DAY,
        )
        try:
            yield
        finally:
            with suppress(NotFoundError):  # it went with its namespace: there is nothing to give back
                await _set(client, namespace, name, **_GIVEN_BACK)
            promise.remove()


async def _set(client: Client, namespace: str, name: str, **fields: Any) -> None:
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(ConflictError), stop=stop_after_attempt(10), reraise=True
    )
    async for attempt in retrying:
        with attempt:
            lease = await client.get(LEASE, name, namespace)
            lease["spec"] |= fields
            await client.update(lease)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Fault:
    """A fault that is in force: ``with`` ends it with the block, ``undo`` ends it now."""

    def __init__(self, what: AbstractContextManager[Any]) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(what)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()

    def undo(self) -> None:
        """Put things right, and return when they are; doing so twice is no error."""
        self._stack.close()


class FaultKit:
    """What can go wrong with an embedded cluster. Closing it undoes what is still in force, last first."""

    def __init__(self, portal: Portal, client: Client, cluster: EmbeddedCluster, folder: Path) -> None:
        self._portal = portal
        self._client = client
        self._cluster = cluster
        self._folder = folder
        self._components = Components(cluster)
        self._signals = Signals(cluster)
        self._repairs = Repairs(Layout.at(cluster.state))
        self._stack = ExitStack()

    def down(self, component: str) -> Fault:
        """Kill a component, such as ``kube-apiserver`` or ``registry``, and keep it down."""
        return self._begin(_Blocking(self._portal, self._components.down(component)))

    def restart(self, component: str) -> None:
        """Kill a component, and return when the next one runs."""
        self.down(component).undo()

    def pause(self, component: str) -> Fault:
        """Stop a component where it is: it keeps its connections and answers nobody."""
        return self._begin(self._signals.paused(self._components.pid(component)))

    def kill_pod(self, namespace: str, pod: str, container: str | None = None) -> None:
        """Kill a container's process; the node starts it again as its pod's restart policy says."""
        self._signals.kill(self._pid(namespace, pod, container))

    def pause_pod(self, namespace: str, pod: str, container: str | None = None) -> Fault:
        """Stop a container's process where it is."""
        return self._begin(self._signals.paused(self._pid(namespace, pod, container)))

    def node_not_ready(self) -> Fault:
        """Let the cluster take its node for dead: nothing of its pods is heard, though they go on."""
        return self._begin(_Blocking(self._portal, node.not_ready(self._client, self._cluster)))

    def expire_lease(self, namespace: str, name: str) -> None:
        """Let a lease run out now, for a hand-over that nobody has to wait for; a living holder renews it."""
        self._portal.call(_expire_lease(self._client, namespace, name))

    def take_lease(self, namespace: str, name: str) -> Fault:
        """Take a lease away from whoever holds it: nobody leads until it is given back."""
        return self._begin(
            _Blocking(self._portal, _lease_taken(self._client, namespace, name, self._repairs))
        )

    def disk_full(self, namespace: str, claim: str) -> Fault:
        """Fill the disk behind a PersistentVolumeClaim; its containers start anew, in the end once more.

        Raises NotPossibleError where the kernel allows no user namespaces, or the volume is not the node's.
        """
        folder = self._folder / f"disk-{namespace}-{claim}"
        full = disk.full(self._client, namespace, claim, folder, self._signals)
        return self._begin(_Blocking(self._portal, full))

    def proxy(self) -> ApiProxy:
        """Start a proxy in front of the API server; it ends with the test."""
        proxy = self._portal.call(ApiProxy.before(self._cluster.kubeconfig))
        self._begin(_Blocking(self._portal, proxy))
        return proxy

    def kubeconfig_through(self, proxy: ApiProxy, account: str, namespace: str) -> Path:
        """Write a kubeconfig with which a program comes through a proxy as a ServiceAccount."""
        path = self._folder / f"{namespace}-{account}.kubeconfig"
        return self._portal.call(proxy.kubeconfig_for(self._client, account, namespace, path))

    def under(self, proxy: ApiProxy, plan: Plan) -> Fault:
        """Let a proxy go by a plan."""
        return self._begin(proxy.under(plan))

    def close(self) -> None:
        """Undo everything."""
        self._stack.close()

    def _pid(self, namespace: str, pod: str, container: str | None) -> int:
        return self._portal.call(container_pid(self._client, namespace, pod, container))

    def _begin(self, what: AbstractContextManager[Any]) -> Fault:
        fault = Fault(what)
        self._stack.callback(fault.undo)
        return fault


class _Blocking(AbstractContextManager[None]):
    """An asynchronous context manager, entered and left from an ordinary function."""

    def __init__(self, portal: Portal, what: AbstractAsyncContextManager[Any]) -> None:
        self._portal = portal
        self._what = what

    def __enter__(self) -> None:
        self._portal.call(self._what.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(_left(self._what.__aexit__, kind, error, trace))


async def _left(leave: Callable[..., Any], *details: Any) -> None:
    await leave(*details)
