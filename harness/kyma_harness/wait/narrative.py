"""Tell what was seen around an object that did not get there: Events, and the last lines of logs."""

from collections.abc import Iterable
from dataclasses import replace

from kubeloop.resource import Object, ObjectKey
from kyma_harness.kube.logs import ContainerLog
from kyma_harness.wait.symptoms import Symptom

EVENTS = 8
LINES = 10


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


def tails(logs: Iterable[ContainerLog]) -> list[str]:
    """Return the last lines of logs, each log under a line that names it."""
    return [line for log in logs for line in _tail(log)]


def last_words(symptom: Symptom, logs: Iterable[ContainerLog]) -> Symptom:
    """Add to a container's symptom what the container wrote last, if that is known."""
    for log in logs:
        said = [line for line in log.text.splitlines() if not line.startswith("(")]  # brackets are ours
        if symptom.pod == (log.namespace, log.pod, log.container) and said:
            words = said[-1].partition(" ")[2]
            return replace(symptom, cause=f"{symptom.cause}; it wrote last: {words}")
    return symptom


def _tail(log: ContainerLog) -> list[str]:
    lines = log.text.splitlines()[-LINES:]
    return [f"  log of {log}:", *(f"    {line}" for line in lines)] if lines else []
