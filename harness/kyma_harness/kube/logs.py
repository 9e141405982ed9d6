"""Read the logs of pods, from a time on: the end of each as evidence, or all of it line by line."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.resource import Object, ObjectKey
from kyma_harness.kube.redaction import redacted_text

LIMIT_BYTES = 2_000_000
"""Of one container, as evidence; what comes last is kept."""
TAIL_LINES = 20_000
"""Of one container, as evidence: more than fits, unless lines are short."""
SECONDS = 10.0
"""Without an answer, or without the next part of it."""
READING_SECONDS = 60.0
"""For all of a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerLog:
    """What a container has written, with the time before each line."""

    namespace: str
    pod: str
    container: str
    previous: bool = False
    """Whether it is what the container wrote before it was started anew."""
    text: str = ""
    """Its first line says what was cut, its last one what kept the rest from being read, in brackets."""
    problem: str = ""
    """Why there is no text, where there is none."""

    def __str__(self) -> str:
        before = ", before its restart" if self.previous else ""
        return f"{self.namespace}/{self.pod}, container {self.container}{before}"


async def logs_of(
    client: Client, pods: Iterable[Object], *, since: datetime | None, lines: int = TAIL_LINES
) -> list[ContainerLog]:
    """Read the end of every container of these pods, and of what it wrote before its last restart."""
    wanted = [part for pod in pods for part in containers_of(pod)]
    return await asyncio.gather(*(_end_of(client, part, since, lines) for part in wanted))


async def lines_of(client: Client, wanted: ContainerLog, since: datetime | None) -> AsyncGenerator[str]:
    """Yield every line of a container from a time on; ControllerError where it cannot be read to its end."""
    rest = b""
    async with aclosing(_bytes_of(client, wanted, since)) as chunks:
        async for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if _is_within(line, since):
                    yield redacted_text(line.decode(errors="replace"))
    if rest and _is_within(rest, since):
        yield redacted_text(rest.decode(errors="replace"))


def containers_of(pod: Object) -> list[ContainerLog]:
    """Return the containers of a pod that have a log, each start that has one by itself."""
    metadata, found = pod["metadata"], []
    for container in _statuses(pod):
        place = {"namespace": metadata["namespace"], "pod": metadata["name"]}
        if container.get("restartCount"):
            found.append(ContainerLog(**place, container=container["name"], previous=True))
        if container.get("containerID"):
            found.append(ContainerLog(**place, container=container["name"]))
    return found


def gaps_of(pod: Object, since: datetime) -> list[str]:
    """Say of which starts nothing is kept that may have written since a time: a node keeps the last two."""
    key = ObjectKey.of(pod)
    return [
        f"{key}, container {container['name']}: restarted {container['restartCount']} times, and of what it "
        f"wrote before {last.get('startedAt', '?')} nothing is kept"
        for container in _statuses(pod)
        if container.get("restartCount", 0) > 1
        and _is_after((last := _last_of(container)).get("startedAt"), since)
    ]


def has_ended_before(pod: Object, wanted: ContainerLog, since: datetime) -> bool:
    """Tell whether the start before the last one had written all before a time."""
    last = next((_last_of(one) for one in _statuses(pod) if one["name"] == wanted.container), {})
    return wanted.previous and not _is_after(last.get("finishedAt"), since)


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status", {})
    return [
        container
        for field in ("initContainerStatuses", "containerStatuses")
        for container in status.get(field) or []
    ]


def _last_of(container: Object) -> Object:
    last: Object = (container.get("lastState") or {}).get("terminated") or {}
    return last


def _is_after(moment: str | None, since: datetime) -> bool:
    """Tell whether something happened after a time; what nobody knows may have."""
    return moment is None or datetime.fromisoformat(moment) >= since.replace(microsecond=0)


def _is_within(line: bytes, since: datetime | None) -> bool:
    """Tell whether a line is from a time on: the API slices by whole seconds."""
    if since is None:
        return True
    first = since.strftime("%Y-%m-%dT%H:%M:%S.%f").encode()
    return line[: len(first)] >= first


async def _end_of(client: Client, wanted: ContainerLog, since: datetime | None, lines: int) -> ContainerLog:
    window = None if wanted.previous else since
    kept, problem = End(LIMIT_BYTES), ""
    try:
        async with aclosing(_bytes_of(client, wanted, window, lines)) as chunks:
            async for chunk in chunks:
                kept.add(chunk)
    except ControllerError as error:
        problem = str(error)
    found = kept.lines()
    text = b"".join(line for line in found if _is_within(line, window)).decode(errors="replace")
    note = kept.note or (f"(cut: the last {lines} lines are kept)\n" if len(found) >= lines else "")
    if not text:
        return replace(wanted, problem=problem)
    broken = f"(not read to its end: {problem})\n" if problem else ""
    return replace(wanted, text=f"{note}{redacted_text(text)}{broken}")


async def _bytes_of(
    client: Client, wanted: ContainerLog, since: datetime | None, lines: int | None = None
) -> AsyncGenerator[bytes]:
    query = {"container": wanted.container, "timestamps": "true"}
    if wanted.previous:
        query["previous"] = "true"
    if since is not None:
        query["sinceTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    if lines is not None:
        query["tailLines"] = str(lines)
    path = f"/api/v1/namespaces/{wanted.namespace}/pods/{wanted.pod}/log"
    async with aclosing(client.stream("GET", path, query=query, inactivity=SECONDS)) as chunks:
        async for chunk in chunks:
            yield chunk


class End:
    """The last bytes of a stream, however long it is."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts = deque[bytes]()
        self._size = 0
        self._left_out = 0

    def add(self, part: bytes) -> None:
        """Take in what came next."""
        self._parts.append(part)
        self._size += len(part)
        while self._size - len(self._parts[0]) >= self._limit:
            self._left_out += len(self._parts[0])
            self._size -= len(self._parts.popleft())

    @property
    def note(self) -> str:
        """What was cut, as a line; empty where nothing was."""
        if not self._left_out:
            return ""
        return f"(cut: the last {self._limit / 1e6:g} MB are kept, {self._left_out} bytes before are not)\n"

    def lines(self) -> list[bytes]:
        """Return the lines that are kept as a whole, with their ends."""
        content = b"".join(self._parts)
        if len(content) > self._limit:
            self._left_out += len(content) - self._limit
            content = content[-self._limit :]
        if self._left_out:
            content = content.partition(b"\n")[2]
        return content.splitlines(keepends=True)
