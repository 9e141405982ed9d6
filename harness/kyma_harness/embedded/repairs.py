"""Put faults right whose makers are no more, as when a worker is killed within one.

Whoever makes a fault writes down what undoes it, in a file that it holds. The kernel lets go of the file when
that process ends, however it ends, and then the supervisor does what stands there.
"""

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from kubeloop.client import Client
from kubeloop.errors import ControllerError, NotFoundError
from kubeloop.logs import get_logger
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.locks import FileLock, try_flock
from kyma_harness.host.pinned_process import Stranger, parent_of

_LOOK_SECONDS = 0.25
_SECONDS = 5.0
"""For one answer: the API server may be what is to go on, by another repair."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the API server as its administrator; a ``body`` is a merge patch."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    async def send(self, client: Client) -> None:
        """Send it; what is there no more needs nothing."""
        kind = "application/merge-patch+json" if self.body else None
        try:
            await client.request(self.method, self.path, body=self.body, content_type=kind)
        except NotFoundError:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What undoes one fault: a process goes on, requests are sent."""

    process: int | None = None
    """Its id: a child of the supervisor, which tells it from another that has the id by then."""
    requests: tuple[Request, ...] = ()

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Return what a line says; None for one whose writer was killed over it, before it made the fault."""
        try:
            said = json.loads(text)
        except ValueError:
            return None
        return cls(process=said["process"], requests=tuple(Request(**one) for one in said["requests"]))


class Repairs:
    """What is to be put right in one cluster; its supervisor does it."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.repairs
        self._kubeconfig = layout.kubeconfig

    @contextmanager
    def promised(self, repair: Repair) -> Iterator[FileLock]:
        """Promise to undo a fault before it is made; unless the promise is removed, it is done for us."""
        promise = FileLock(self._folder / uuid4().hex, purpose=repair.to_json())
        promise.acquire()
        try:
            yield promise
        finally:
            promise.release()

    async def keep(self) -> None:
        """Do, for as long as the cluster lives, what others have promised and can do no more."""
        while True:
            for file in sorted(self._folder.iterdir()) if self._folder.exists() else ():
                try:
                    with _taken_over(file) as repair:
                        if repair:
                            await self._carry_out(repair)
                            log.info("repaired", repair=repair.to_json())
                except (ControllerError, OSError) as error:  # an API server that is down comes back
                    log.warning("repair failed", file=file.name, error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)  # a lock cannot be awaited

    async def _carry_out(self, repair: Repair) -> None:
        if repair.process:
            _resume(repair.process)
        if repair.requests:
            async with Client.from_kubeconfig(
                self._kubeconfig, user_agent="repairs", timeout=_SECONDS
            ) as client:
                for request in repair.requests:
                    await request.send(client)


@contextmanager
def _taken_over(file: Path) -> Iterator[Repair | None]:
    """Give a repair that nobody holds any more, and forget it after the block; None while it is held."""
    descriptor = try_flock(file, LOCK_EX)
    if descriptor is None:
        yield None
        return
    try:
        yield Repair.from_json(
            os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode().partition("\n")[2]
        )
        file.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _resume(pid: int) -> None:
    with suppress(ProcessLookupError), Stranger(pid, lambda: parent_of(pid) == os.getpid()) as process:
        process.signal(signal.SIGCONT)
