"""Move the clock of a Lease, so that leadership changes hands without anybody waiting for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from kubeloop.client import Client
from kubeloop.errors import ConflictError, NotFoundError
from kubeloop.kinds import LEASE
from kyma_harness.embedded.repairs import Repair, Repairs, Request

_LONG_AGO: Final = "2000-01-01T00:00:00.000000Z"
_STRANGER: Final = "nobody: a fault was injected"
_A_DAY: Final = 86_400
_GIVEN_BACK: Final = {"holderIdentity": "", "renewTime": _LONG_AGO, "leaseDurationSeconds": 1}


async def expire(client: Client, namespace: str, name: str) -> None:
    """Let a lease run out: it counts as last renewed long ago, for one second.

    Who competes by a clock of its own counts that second from when it sees this. A holder that lives renews.
    """
    await _set(client, namespace, name, renewTime=_LONG_AGO, leaseDurationSeconds=1)


@asynccontextmanager
async def taken(client: Client, namespace: str, name: str, repairs: Repairs) -> AsyncIterator[None]:
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
