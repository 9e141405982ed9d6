"""What a report says of one failed test."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kyma_harness.evidence.report.chart import Chart
from kyma_harness.evidence.report.lanes import draw_lanes, lanes_of
from kyma_harness.evidence.report.scale import Scale
from kyma_harness.evidence.report.waterfall import draw_steps, moments
from kyma_harness.wait.narrative import last_seen

Incident = Mapping[str, Any]

LINES = 400
"""Of each log; the folder has all of it."""
_PHASES = {"setup": " · in its set-up", "teardown": " · in its clean-up"}
_BAD = re.compile(
    r'(?i)"level":\s*"(error|fatal|panic)"|\berror\b|\bfatal\b|\bpanic\b|traceback|^\S*\s*E\d{4} '
)
_WARN = re.compile(r'(?i)"level":\s*"warn|\bwarn(ing)?\b|^\S*\s*W\d{4} ')


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of an object, or was said of it, at one time."""

    when: str
    about: str
    words: str
    type: str = ""

    @property
    def is_warning(self) -> bool:
        """Whether it is an Event of that type."""
        return self.type == "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a log."""

    at: str
    words: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log of one container, the last lines of it."""

    title: str
    told: str
    """How many lines it has, or why there are none."""
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed test."""

    name: str
    where: str
    cause: str
    subject: str
    """The object that has the trouble, where the cause names one."""
    trouble: str
    waited_for: str
    command: str
    steps: Chart | None
    lanes: Chart | None
    transitions: Sequence[Row]
    events: Sequence[Row]
    logs: Sequence[Log]
    message: str
    problems: Sequence[str]
    folder: str

    @property
    def warnings(self) -> int:
        """How many of the Events are warnings."""
        return sum(one.is_warning for one in self.events)

    @property
    def events_told(self) -> str:
        """How many Events there are."""
        return f"{len(self.events)}" + (f", {self.warnings} of them warnings" if self.warnings else "")


def failure_of(incident: Incident) -> Failure:
    """Return what is shown of the evidence of one failed test."""
    scale, steps, lanes = (
        Scale(incident["started"], incident["ended"], turn_of(incident)),
        incident["steps"],
        lanes_of(incident),
    )
    subject, colon, trouble = incident["cause"].partition(": ")
    if not colon or " " not in subject:
        subject, trouble = "", incident["cause"]
    seconds = incident["ended"] - incident["started"]
    return Failure(
        name=sentence(incident["test"]) + (" · its clean-up" if incident.get("follows") else ""),
        where=f"{incident['test']} · after {seconds:.1f} s{_PHASES.get(incident['phase'], '')}",
        cause=incident["cause"],
        subject=subject,
        trouble=trouble,
        waited_for=_second_line(incident),
        command=incident["command"],
        steps=draw_steps(steps, scale) if steps else None,
        lanes=draw_lanes(lanes, scale, moments(steps)) if lanes else None,
        transitions=[_transition(one, incident) for one in incident["transitions"]],
        events=[_event(one) for one in incident["events"]],
        logs=[_log(one) for one in incident["logs"]],
        message=incident["message"],
        problems=incident["problems"],
        folder=incident["folder"],
    )


def turn_of(incident: Incident) -> float | None:
    """Return when that began which failed: the test, its clean-up, or the last such step of its set-up."""
    if incident["phase"] != "setup":
        return incident.get("phase_started")
    failed = [one for one in incident["steps"] if not one["ok"]]
    return max((one["started"] for one in failed), default=None)


def sentence(test: str) -> str:
    """Return the sentence that a test's name is."""
    name, bracket, case = test.rpartition("::")[2].partition("[")
    words = name.removeprefix("test_").replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}{' · ' if bracket else ''}{case.removesuffix(']')}"


def _transition(one: Mapping[str, Any], incident: Incident) -> Row:
    return Row(
        when=f"{one['at'] - incident['started']:+.2f} s",
        about=f"{one['kind'].partition('.')[0]} {_full_name(one)}",
        words=", ".join(filter(None, (one["word"], one["detail"]))),
    )


def _event(event: Mapping[str, Any]) -> Row:
    about = event.get("involvedObject", {})
    return Row(
        when=last_seen(dict(event))[11:23].rstrip("Z"),
        about=f"{about.get('kind', '')} {_full_name(about)}",
        words=f"{event.get('reason', '')}: {event.get('message', '')}",
        type=event.get("type", ""),
    )


def _log(log: Mapping[str, Any]) -> Log:
    lines = log["text"].splitlines()
    before = ", before its restart" if log["previous"] else ""
    told = log["problem"] or "it wrote nothing"
    if lines:
        bad = sum(_tone(line) == "bad" for line in lines)
        told = f"{len(lines)} line{'s' if len(lines) > 1 else ''}"
        told += f", {bad} of them errors" if bad else ""
    return Log(
        title=f"Log of {log['namespace']}/{log['pod']}, container {log['container']}{before}",
        told=told,
        lines=[_line(line) for line in lines[-LINES:]],
    )


def _line(line: str) -> Line:
    at, _, words = line.partition(" ")
    return Line(at=at[11:23], words=words, tone=_tone(line))


def _tone(line: str) -> str:
    if _BAD.search(line):
        return "bad"
    return "warn" if _WARN.search(line) else ""


def _second_line(incident: Incident) -> str:
    """Return what was waited for: pytest shows it on the line after the cause."""
    lines = [line.removeprefix("E").strip() for line in incident["message"].splitlines()]
    return next((line for line in lines if line.startswith("so ") and " did not come to " in line), "")


def _full_name(one: Mapping[str, Any]) -> str:
    return "/".join(filter(None, (one.get("namespace", ""), one.get("name", ""))))
