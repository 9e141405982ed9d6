"""Stop processes for a while, and end them, without hitting another that has their id by now."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from controller.client import Client
from controller.kinds import POD
from controller.resource import Object
from harness.faults.errors import NoSuchProcessError

_SCHEME = "process://"


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process and its group while the block runs: it holds its connections, and does nothing."""
    descriptor = os.pidfd_open(pid)
    try:
        os.killpg(pid, signal.SIGSTOP)
        yield
    finally:
        # The descriptor pins the process: is it gone, nobody else is woken up in its place.
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, 0)
            os.killpg(pid, signal.SIGCONT)
        os.close(descriptor)


def kill(pid: int) -> None:
    """Kill a process and its group; NoSuchProcessError where it has ended already."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        raise NoSuchProcessError(f"process {pid} has ended already") from None


async def container_pid(client: Client, namespace: str, pod: str, container: str | None = None) -> int:
    """Return the process id of a container on a process node; of the first one unless named."""
    found = await client.get(POD, pod, namespace)
    for status in found.get("status", {}).get("containerStatuses") or []:
        if container in {None, status["name"]} and _runs(status):
            return int(status["containerID"].removeprefix(_SCHEME))
    raise NoSuchProcessError(
        f"pod {namespace}/{pod} has no process for container {container or 'any'}: it does not run, is only"
        " simulated, or the node's containers are no processes"
    )


def _runs(status: Object) -> bool:
    identity = status.get("containerID", "").removeprefix(_SCHEME)
    return "running" in status.get("state", {}) and identity.isdecimal()
