"""Tell what was seen around an object that did not get there: Events, and the last lines of logs."""

from collections.abc import Iterable

from kubeloop.resource import Object, ObjectKey
from kyma_harness.kube.logs import ContainerLog
from kyma_harness.wait.loglines import read

EVENTS = 8
LINES = 10


def in_order(events: Iterable[Object]) -> list[Object]:
    """Sort Events by when they were last seen."""
    return sorted(events, key=last_seen)


def last_seen(event: Object) -> str:
    """Return when an Event happened last, as an ISO time; every client writes another field."""
    series = event.get("series") or {}
    found = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(found or event["metadata"].get("creationTimestamp", ""))


def event_line(event: Object) -> str:
    """Put an Event into one line."""
    about = event.get("involvedObject", {})
    key = ObjectKey(about.get("namespace", ""), about.get("name", "?"))
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    often = f" ({count} times)" if count > 1 else ""
    return (
        f"{last_seen(event)}  {event.get('type', ''):<7} {about.get('kind', '?')} {key} "
        f"{event_words(event)}{often}"
    )


def event_words(event: Object) -> str:
    """Return what an Event says, without when and of what."""
    return f"{event.get('reason', '')}: {' '.join(str(event.get('message', '')).split())}"


def tails(logs: Iterable[ContainerLog]) -> list[str]:
    """Return the last lines of logs, each log under a line that names it."""
    return [line for log in logs for line in _tail(log)]


def _tail(log: ContainerLog) -> list[str]:
    lines = read(log.text)[-LINES:]
    return [f"  log of {log}:", *(f"    {line.text}" for line in lines)] if lines else []
