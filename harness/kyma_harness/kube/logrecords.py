"""Read what a Deployment has logged as JSON, in a process or in a container, and pick lines by fields."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.resource import ObjectKey
from kyma_harness.kube import logs
from kyma_harness.kube.logs import ContainerLog, containers_of, gaps_of, has_ended_before, lines_of
from kyma_harness.kube.workload import pods_of

_ANY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One line of JSON that a pod has logged."""

    at: str
    """When the node received it, an ISO time."""
    pod: str
    fields: Mapping[str, Any]

    def has(self, expected: Mapping[str, Any]) -> bool:
        """Tell whether the line has all these; dots lead into nested fields, a callable is a predicate."""
        return all(_holds(self._field(path), value) for path, value in expected.items())

    def _field(self, path: str) -> Any:
        value: Any = self.fields
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return self.fields.get(path, value)

    def __str__(self) -> str:
        return f"{self.at} {self.pod}: {json.dumps(dict(self.fields), default=str)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was found in the logs of a Deployment, and what of them could not be read."""

    records: Sequence[LogRecord]
    gaps: Sequence[str] = ()
    """Which part is missing and why, a sentence each: nothing can be said to be absent then."""


async def records_of(client: Client, deployment: ObjectKey, since: float = 0) -> list[LogRecord]:
    """Return what the pods of a Deployment have logged since a Unix time, in the order of time."""
    return list((await read_records(client, deployment, since)).records)


async def read_records(
    client: Client, deployment: ObjectKey, since: float = 0, wanted: Mapping[str, Any] = _ANY
) -> Reading:
    """Read all that the pods of a Deployment have logged since a Unix time; keep what has these fields."""
    window = datetime.fromtimestamp(since, UTC)
    pods = await pods_of(client, deployment)
    found, gaps = list[LogRecord](), [gap for pod in pods for gap in gaps_of(pod, window)]
    for pod in pods:
        for log in containers_of(pod):
            if not has_ended_before(pod, log, window):
                records, missing = await _read(client, log, window, wanted)
                found += records
                gaps += missing
    return Reading(records=sorted(found, key=lambda one: one.at), gaps=gaps)


async def _read(
    client: Client, log: ContainerLog, since: datetime, wanted: Mapping[str, Any]
) -> tuple[list[LogRecord], list[str]]:
    """Return what is found in one log, and what kept us from reading all of it."""
    found = list[LogRecord]()
    try:
        async with asyncio.timeout(logs.READING_SECONDS), aclosing(lines_of(client, log, since)) as lines:
            async for line in lines:
                record = parsed(line, log.pod)
                found += [record] if record and record.has(wanted) else []
    except TimeoutError:
        return found, [f"{log}: not read to its end within {logs.READING_SECONDS:g} s"]
    except ControllerError as error:
        return found, [f"{log}: {error}"]
    return found, []


def parsed(line: str, pod: str) -> LogRecord | None:
    """Return what a line says that is its time and a JSON object; None for any other line."""
    at, _, rest = line.partition(" ")
    try:
        fields = json.loads(rest)
    except json.JSONDecodeError:
        return None
    return LogRecord(at=at, pod=pod, fields=fields) if isinstance(fields, dict) else None


def _holds(actual: Any, expected: Any) -> bool:
    return bool(expected(actual)) if callable(expected) else bool(actual == expected)
