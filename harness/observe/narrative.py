"""Tell what was seen around an object that did not get there: Events, and the last lines of logs."""

from collections.abc import Iterable
from datetime import UTC, datetime

from controller.client import Client
from controller.resource import Object, ObjectKey
from harness.observe.podlogs import ContainerLog, logs_of

EVENTS = 8
LINES = 10
PODS = 3


def events_about(objects: Iterable[Object], events: Iterable[Object]) -> list[Object]:
    """Return the Events about any of these objects, oldest first."""
    uids = {obj["metadata"].get("uid") for obj in objects}
    return in_order(one for one in events if one.get("involvedObject", {}).get("uid") in uids)


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
    message = " ".join(str(event.get("message", "")).split())
    return (
        f"{last_seen(event)}  {event.get('type', ''):<7} {about.get('kind', '?')} {key} "
        f"{event.get('reason', '')}: {message}{often}"
    )


async def log_tails(client: Client, pods: Iterable[Object]) -> list[str]:
    """Return the last lines of these pods' logs, each pod under a line that names it."""
    chosen = list(pods)[:PODS]
    return [line for log in await logs_of(client, chosen, since=None) for line in _tail(log)]


def age(moment: str, now: datetime | None = None) -> str:
    """Say how long ago an ISO time was."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return "?"
    return f"{((now or datetime.now(UTC)) - then).total_seconds():.0f} s ago"


def _tail(log: ContainerLog) -> list[str]:
    lines = log.text.splitlines()[-LINES:]
    return [f"  log of {log}:", *(f"    {line}" for line in lines)] if lines else []
