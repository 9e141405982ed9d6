"""Draw the timeline: a lane for each object, with what it was over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from kyma_harness.evidence.report.chart import HEIGHT, Chart, Label, bar, chart, row_top
from kyma_harness.evidence.report.colour import tone_of
from kyma_harness.evidence.report.markup import element, joined
from kyma_harness.evidence.report.scale import Scale

MOST_LANES = 40
LAST = ("ReplicaSet.apps", "Service", "PersistentVolumeClaim", "Namespace", "ServiceAccount", "ConfigMap")
"""Kinds that are shown below all others."""
GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What an object was, from when to when."""

    word: str
    detail: str
    start: float
    end: float


@dataclass(slots=True, kw_only=True)
class Lane:
    """One object over time."""

    kind: str
    name: str
    stretches: list[Stretch] = field(default_factory=list)
    warnings: list[tuple[float, str]] = field(default_factory=list)
    """Events of type Warning: when, and in which words."""

    @property
    def is_eventful(self) -> bool:
        """Whether anything happened to it in the window."""
        return len(self.stretches) > 1 or bool(self.warnings)

    @property
    def is_troubled(self) -> bool:
        """Whether it came to anything bad."""
        return any(tone_of(one.word) == "bad" for one in self.stretches) or bool(self.warnings)


def lanes_of(incident: Mapping[str, Any]) -> list[Lane]:
    """Return the lanes of an incident, without those that nothing happened to.

    First come those that the failure or the test itself speaks of, and the troubled ones.
    """
    found: dict[tuple[str, str, str], Lane] = {}
    for at in incident["transitions"]:
        key = (at["kind"], at["namespace"], at["name"])
        shown = f"{at['namespace']}/{at['name']}" if at["namespace"] else at["name"]
        lane = found.setdefault(key, Lane(kind=at["kind"], name=shown))
        start = max(at["at"], incident["started"])
        _close(lane, start)
        if at["word"] != GONE:
            stretch = Stretch(word=at["word"], detail=at["detail"], start=start, end=incident["ended"])
            lane.stretches.append(stretch)
    for event in incident["events"]:
        _warn(found, event, incident)
    eventful = [lane for lane in found.values() if lane.is_eventful or _came(lane, incident)]
    said = " ".join([incident["message"], *(step["name"] for step in incident["steps"])])

    def weight(lane: Lane) -> tuple[bool, bool, bool, str, str]:
        return (lane.name not in said, not lane.is_troubled, lane.kind in LAST, lane.kind, lane.name)

    return sorted(eventful, key=weight)[:MOST_LANES]


def draw_lanes(lanes: Sequence[Lane], scale: Scale, marks: Sequence[float]) -> Chart:
    """Draw lanes as SVG on a scale, with a line down for each moment at which the test did something."""
    drawn = [_drawn(row, lane, scale) for row, lane in enumerate(lanes)]
    labels = [Label(kind=lane.kind.partition(".")[0], name=lane.name) for lane in lanes]
    summary = "; ".join(f"{lane.kind.partition('.')[0]} {lane.name}: {_story(lane)}" for lane in lanes)
    return chart(labels, drawn, scale, marks=marks, summary=f"Timeline of {len(lanes)} objects. {summary}")


def _drawn(row: int, lane: Lane, scale: Scale) -> Markup:
    top = row_top(row)
    bars = [
        bar(scale, one.start, one.end, top, tone=tone_of(one.word), text=one.word, title=_title(lane, one))
        for one in lane.stretches
    ]
    flags = [
        element(
            "svg",
            element("path", element("title", words), d="M-6,0 L6,0 L0,9 z", class_="flag"),
            x=f"{scale.at(moment)}%", y=top - 3, width=1, height=HEIGHT, overflow="visible",
        )
        for moment, words in lane.warnings
    ]  # fmt: skip
    return joined(bars, flags)


def _title(lane: Lane, stretch: Stretch) -> str:
    what = ", ".join(filter(None, (stretch.word, stretch.detail, f"{stretch.end - stretch.start:.2f} s")))
    return f"{lane.kind.partition('.')[0]} {lane.name}: {what}"


def _close(lane: Lane, end: float) -> None:
    if not lane.stretches:
        return
    last = lane.stretches.pop()
    shortened = Stretch(word=last.word, detail=last.detail, start=last.start, end=min(last.end, end))
    if shortened.end > shortened.start:
        lane.stretches.append(shortened)


def _warn(
    lanes: Mapping[tuple[str, str, str], Lane], event: Mapping[str, Any], incident: Mapping[str, Any]
) -> None:
    about = event.get("involvedObject", {})
    if event.get("type") != "Warning":
        return
    for (kind, namespace, name), lane in lanes.items():
        if (kind.partition(".")[0], namespace, name) == (
            about.get("kind"),
            about.get("namespace", ""),
            about.get("name"),
        ):
            # Events know whole seconds only, and so may seem older than what they are about.
            begun = lane.stretches[0].start if lane.stretches else incident["started"]
            moment = max(_moment(event), begun)
            lane.warnings.append((moment, f"{event.get('reason', '')}: {event.get('message', '')}"))


def _moment(event: Mapping[str, Any]) -> float:
    said = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    return datetime.fromisoformat(said).timestamp()


def _came(lane: Lane, incident: Mapping[str, Any]) -> bool:
    return bool(lane.stretches) and lane.stretches[0].start > incident["started"]


def _story(lane: Lane) -> str:
    return " then ".join(one.word for one in lane.stretches) or GONE
