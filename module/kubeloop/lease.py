"""Let one instance lead: hold a Lease, renew it, and give it back on the way out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kubeloop.errors import (
    AlreadyExistsError,
    ConflictError,
    ControllerError,
    LeaseLostError,
    NotFoundError,
)
from kubeloop.kinds import LEASE
from kubeloop.logs import Repeats, get_logger
from kubeloop.queue import Backoff

if TYPE_CHECKING:
    from kubeloop.client import Client
    from kubeloop.resource import Object

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimings:
    """The clockwork of leader election, in seconds; the defaults are client-go's."""

    duration: int = 15
    """Others wait so long after the last sign of life before they take over."""

    deadline: float = 10.0
    """The leader gives up so long after its last renewal: well before others take over."""

    retry: float = 2.0
    """Pause between renewals."""

    look: float = 1.0
    """Pause between looks at a lease that another holds: a hand-over takes no longer than that."""

    release: float = 3.0
    """Giving the lease back may take so long: the Pod's grace period is about to end."""


class Lease:
    """Compete for a coordination.k8s.io Lease under an identity of our own.

    Whether a lease ran out is told by our own clock, from when we saw it change last: the clocks of two
    machines need not agree.
    """

    def __init__(
        self, client: Client, name: str, namespace: str, identity: str, *, timings: LeaseTimings | None = None
    ) -> None:
        self.identity = identity
        self._client = client
        self._name = name
        self._namespace = namespace
        self._timings = timings or LeaseTimings()
        self._seen_version = ""
        self._seen_at = 0.0
        self._good_until = 0.0
        self._repeats = Repeats()

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        while not await self._attempt():
            await _pause(self._timings.look)
        log.info("lease is acquired", lease=self._name, identity=self.identity)

    def remaining(self) -> float:
        """Return for how many seconds the lease is surely ours, 0 where it is not."""
        return max(0.0, self._good_until - asyncio.get_running_loop().time())

    def require(self) -> float:
        """Return for how many seconds the lease is surely ours; raise LeaseLostError where it is not.

        A process that was stopped for a while cannot know otherwise.
        """
        remaining = self.remaining()
        if not remaining:
            raise self._lost(f"was not renewed for {self._timings.deadline:g} s")
        return remaining

    async def keep(self) -> None:
        """Renew the lease until cancelled; raise LeaseLostError once that failed for too long."""
        while True:
            await _pause(self._timings.retry)
            self.require()
            try:
                async with asyncio.timeout(self._timings.deadline):
                    await self._renew()
            except TimeoutError:
                raise self._lost(f"could not be renewed for {self._timings.deadline:g} s") from None

    async def release(self) -> None:
        """Give the lease back, so that the next leader need not wait for it to run out."""
        self._good_until = 0.0
        # Asked even where ``acquire`` was cut off: its last request may have got through.
        try:
            async with asyncio.timeout(self._timings.release):
                while not await self._give_back():
                    log.debug("lease was written meanwhile, reading it again", lease=self._name)
        except (ControllerError, TimeoutError) as error:
            reason = str(error) or f"it could not be given back within {self._timings.release:g} s"
            log.warning("lease is left to run out", lease=self._name, error=reason)

    async def _give_back(self) -> bool:
        """Return whether that is done; it is not where a renewal of ours took effect meanwhile."""
        lease = await self._client.get(LEASE, self._name, self._namespace)
        if _holder(lease) != self.identity:
            return True
        lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            await self._client.update(lease)
        except ConflictError:
            return False
        log.info("lease is released", lease=self._name, identity=self.identity)
        return True

    async def _renew(self) -> None:
        while not (renewed := await self._attempt()):
            if renewed is False:
                raise self._lost("has another holder")
            await _pause(self._timings.retry)

    async def _attempt(self) -> bool | None:
        """Take or renew the lease; return False if another holds it, None if that is not known."""
        try:
            return await self._take()
        except (ConflictError, AlreadyExistsError):
            return None
        except Exception as error:  # noqa: BLE001 - whatever comes over the wire, the lease ends by its clock
            told = f"{type(error).__name__}: {error}"
            if times := self._repeats.times(told, asyncio.get_running_loop().time()):
                log.warning("lease cannot be reached", lease=self._name, error=told, times=times)
            return None

    def _lost(self, how: str) -> LeaseLostError:
        self._good_until = 0.0
        return LeaseLostError(f"lease {self._namespace}/{self._name} {how}")

    async def _take(self) -> bool:
        # From before the request: others count from when they see what it wrote, which is later.
        started = asyncio.get_running_loop().time()
        taken = await self._write()
        if taken:
            self._good_until = started + self._timings.deadline
        return taken

    async def _write(self) -> bool:
        try:
            lease = await self._client.get(LEASE, self._name, self._namespace)
        except NotFoundError:
            await self._client.create(self._new())
            return True
        if not self._is_available(lease):
            return False
        spec = lease.setdefault("spec", {})
        if _holder(lease) != self.identity:
            spec["acquireTime"] = _now()
            spec["leaseTransitions"] = spec.get("leaseTransitions", 0) + 1
        spec |= {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._timings.duration,
            "renewTime": _now(),
        }
        await self._client.update(lease)
        return True

    def _is_available(self, lease: Object) -> bool:
        now = asyncio.get_running_loop().time()
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, now
        if _holder(lease) in {"", self.identity}:
            return True
        duration: int = lease["spec"].get("leaseDurationSeconds") or self._timings.duration
        return now - self._seen_at > duration

    def _new(self) -> Object:
        now = _now()
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": self._timings.duration,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }


async def _pause(seconds: float) -> None:
    await asyncio.sleep(Backoff(base=seconds, maximum=seconds).delay(1))


def _holder(lease: Object) -> str:
    return (lease.get("spec") or {}).get("holderIdentity") or ""


def _now() -> str:
    """Return the time as a metav1.MicroTime."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
