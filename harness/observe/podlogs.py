"""Read the logs of pods, from a time on."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.client import Client
from controller.errors import ControllerError
from controller.resource import Object
from harness.observe.redaction import redacted_text

LIMIT_BYTES = 2_000_000
"""Of one container; what comes first is kept."""
SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerLog:
    """What a container has written, with the time before each line."""

    namespace: str
    pod: str
    container: str
    previous: bool = False
    """Whether it is what the container wrote before it was started anew."""
    text: str = ""
    problem: str = ""
    """Why there is no text, where there is none."""

    def __str__(self) -> str:
        before = ", before its restart" if self.previous else ""
        return f"{self.namespace}/{self.pod}, container {self.container}{before}"


async def logs_of(client: Client, pods: Iterable[Object], *, since: datetime | None) -> list[ContainerLog]:
    """Read every container of these pods, and what it wrote before its last restart."""
    wanted = [part for pod in pods for part in _containers(pod)]
    return await asyncio.gather(*(_read(client, part, since) for part in wanted))


def _containers(pod: Object) -> list[ContainerLog]:
    metadata, status = pod["metadata"], pod.get("status", {})
    found = []
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(field) or []:
            place = {"namespace": metadata["namespace"], "pod": metadata["name"]}
            if container.get("restartCount"):
                found.append(ContainerLog(**place, container=container["name"], previous=True))
            if container.get("containerID"):
                found.append(ContainerLog(**place, container=container["name"]))
    return found


async def _read(client: Client, wanted: ContainerLog, since: datetime | None) -> ContainerLog:
    query = {"container": wanted.container, "timestamps": "true", "limitBytes": str(LIMIT_BYTES)}
    if wanted.previous:
        query["previous"] = "true"
    elif since is not None:
        query["sinceTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/api/v1/namespaces/{wanted.namespace}/pods/{wanted.pod}/log"
    text, problem = "", ""
    try:
        answer = await client.request("GET", path, query=query, timeout=SECONDS)
        text = redacted_text(answer if isinstance(answer, str) else "")
    except ControllerError as error:
        problem = str(error)
    return ContainerLog(
        namespace=wanted.namespace,
        pod=wanted.pod,
        container=wanted.container,
        previous=wanted.previous,
        text=text,
        problem=problem,
    )
