"""Read what a Deployment has logged as JSON, in a process or in a container, and pick lines by fields."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubeloop.client import Client
from kubeloop.resource import ObjectKey
from kyma_harness.observe.podlogs import logs_of
from kyma_harness.observe.workload import pods_of


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


async def records_of(client: Client, deployment: ObjectKey, since: float = 0) -> list[LogRecord]:
    """Return what the pods of a Deployment have logged since a Unix time, in the order of time."""
    window = datetime.fromtimestamp(since, UTC)
    logs = await logs_of(client, await pods_of(client, deployment), since=window)
    records = (one for log in logs for one in parsed(log.text, log.pod))
    return sorted(records, key=lambda one: one.at)


def parsed(text: str, pod: str) -> Iterable[LogRecord]:
    """Yield the lines that are JSON objects; each begins with its time."""
    for line in text.splitlines():
        at, _, rest = line.partition(" ")
        try:
            fields = json.loads(rest)
        except json.JSONDecodeError:
            continue
        if isinstance(fields, dict):
            yield LogRecord(at=at, pod=pod, fields=fields)


def _holds(actual: Any, expected: Any) -> bool:
    return bool(expected(actual)) if callable(expected) else bool(actual == expected)
