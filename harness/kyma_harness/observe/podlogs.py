"""Read the logs of pods, from a time on."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.resource import Object
from kyma_harness.observe.redaction import redacted_text

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


def _within(text: str, since: datetime | None) -> str:
    """Leave out the lines from before: the API slices by whole seconds."""
    if since is None:
        return text
    first = since.strftime("%Y-%m-%dT%H:%M:%S.%f")
    return "".join(line for line in text.splitlines(keepends=True) if line[: len(first)] >= first)


async def _read(client: Client, wanted: ContainerLog, since: datetime | None) -> ContainerLog:
    window = None if wanted.previous else since
    query = {"container": wanted.container, "timestamps": "true", "limitBytes": str(LIMIT_BYTES)}
    if wanted.previous:
        query["previous"] = "true"
    if window is not None:
        query["sinceTime"] = window.strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/api/v1/namespaces/{wanted.namespace}/pods/{wanted.pod}/log"
    text, problem = "", ""
    try:
        answer = await client.request("GET", path, query=query, timeout=SECONDS)
        text = redacted_text(_within(answer if isinstance(answer, str) else "", window))
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
