"""The parts of a report about one failed test."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kyma_harness.evidence.report.lanes import draw_lanes, lanes_of
from kyma_harness.evidence.report.markup import Markup, element, joined
from kyma_harness.evidence.report.scale import Scale
from kyma_harness.evidence.report.waterfall import draw_steps, moments
from kyma_harness.wait.narrative import last_seen

Incident = Mapping[str, Any]

LINES = 400
"""Of each log; the folder has all of it."""
KEY = (
    ("good", "as it should be"),
    ("busy", "on its way"),
    ("warn", "a warning"),
    ("bad", "in trouble"),
    ("going", "going"),
    ("step", "there, with nothing to say of itself"),
)
_BAD = re.compile(
    r'(?i)"level":\s*"(error|fatal|panic)"|\berror\b|\bfatal\b|\bpanic\b|traceback|^\S*\s*E\d{4} '
)
_WARN = re.compile(r'(?i)"level":\s*"warn|\bwarn(ing)?\b|^\S*\s*W\d{4} ')


def article(incident: Incident, number: int) -> Markup:
    """Return everything about one failed test, the cause first."""
    phase = {"setup": " · in its set-up", "teardown": " · in its clean-up"}.get(incident["phase"], "")
    seconds = incident["ended"] - incident["started"]
    return element(
        "article",
        element("h2", sentence(incident["test"]), id=f"h{number}"),
        element("p", f"{incident['test']} · after {seconds:.1f} s{phase}", class_="where"),
        cause(incident),
        again(incident, number),
        _charts(incident),
        _events(incident),
        _logs(incident),
        _fold("Traceback", "", element("pre", incident["message"], tabindex="0")),
        _problems(incident),
        element(
            "p",
            "Objects, whole logs and the rest are in ",
            element("a", f"{incident['folder']}/", href=f"{incident['folder']}/"),
            class_="also",
        ),
        id=f"t{number}",
        aria_labelledby=f"h{number}",
    )


def sentence(test: str) -> str:
    """Return the sentence that a test's name is."""
    name, bracket, case = test.rpartition("::")[2].partition("[")
    words = name.removeprefix("test_").replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}{' · ' if bracket else ''}{case.removesuffix(']')}"


def cause(incident: Incident) -> Markup:
    """Return the cause as a callout, the object that has it set off from what is wrong with it."""
    subject, colon, words = incident["cause"].partition(": ")
    if not colon or " " not in subject:
        subject, words = "", incident["cause"]
    rest = _second_line(incident)
    return joined(
        element(
            "div", element("span", subject, class_="subject") if subject else None, words, class_="cause"
        ),
        element("p", rest, class_="also") if rest else None,
    )


def again(incident: Incident, number: int) -> Markup:
    """Return the command that runs the test again, with a button to copy it."""
    return joined(
        element("h3", "Run it again"),
        element(
            "div",
            element("pre", incident["command"], id=f"c{number}", class_="wrap", tabindex="0"),
            element("button", "Copy", type="button", data_copy=f"c{number}", hidden=True),
            class_="again",
        ),
    )


def _charts(incident: Incident) -> Markup:
    scale, steps = Scale(incident["started"], incident["ended"]), incident["steps"]
    lanes = lanes_of(incident)
    parts = []
    if steps:
        parts += [element("h3", "Steps"), draw_steps(steps, scale)]
    if lanes:
        parts += [element("h3", "What the objects went through"), draw_lanes(lanes, scale, moments(steps))]
        parts += [_key(), _transitions(incident)]
    return joined(parts)


def _key() -> Markup:
    def swatch(tone: str) -> Markup:
        box = element("rect", x=1, y=1, width=16, height=10, rx=3, class_=f"bar {tone}")
        return element("svg", box, width=18, height=12, aria_hidden="true")

    def drawn(shape: str, class_: str) -> Markup:
        return element(
            "svg", element("path", d=shape, class_=class_), width=16, height=14, aria_hidden="true"
        )

    items = [element("li", swatch(tone), words) for tone, words in KEY]
    items.append(element("li", drawn("M2,2 L14,2 L8,11 z", "flag"), "Event of type Warning"))
    items.append(element("li", drawn("M8,0 L15,7 L8,14 L1,7 z", "moment"), "something the test did"))
    return element("ul", items, class_="key", aria_label="Key")


def _transitions(incident: Incident) -> Markup:
    rows = [
        element(
            "tr",
            element("td", f"{one['at'] - incident['started']:+.2f} s", class_="num"),
            element("td", f"{one['kind'].partition('.')[0]} {_full_name(one)}"),
            element("td", ", ".join(filter(None, (one["word"], one["detail"]))), class_="words"),
        )
        for one in incident["transitions"]
    ]
    return _fold(
        "The same as a table", f"{len(rows)} transitions", _table(("When", "Object", "Came to"), rows)
    )


def _events(incident: Incident) -> Markup | None:
    if not incident["events"]:
        return None
    rows = [_event(one) for one in incident["events"]]
    warnings = sum(one.get("type") == "Warning" for one in incident["events"])
    table = _table(("Last seen", "Type", "Object", "What"), rows)
    return _fold(
        "Events",
        f"{len(rows)}" + (f", {warnings} of them warnings" if warnings else ""),
        table,
        is_open=bool(warnings),
    )


def _event(event: Mapping[str, Any]) -> Markup:
    about, bad = event.get("involvedObject", {}), event.get("type") == "Warning"
    what = f"{event.get('reason', '')}: {event.get('message', '')}"
    return element(
        "tr",
        element("td", last_seen(dict(event))[11:23].rstrip("Z"), class_="num"),
        element("td", element("span", event.get("type", ""), class_="bad" if bad else None)),
        element("td", f"{about.get('kind', '')} {_full_name(about)}"),
        element("td", what, class_="words"),
    )


def _logs(incident: Incident) -> Markup:
    return joined(_log(one) for one in incident["logs"])


def _log(log: Mapping[str, Any]) -> Markup:
    lines = log["text"].splitlines()
    title = f"Log of {log['namespace']}/{log['pod']}, container {log['container']}"
    before = ", before its restart" if log["previous"] else ""
    if not lines:
        return _fold(title + before, log["problem"] or "it wrote nothing", None)
    bad = sum(bool(_BAD.search(line)) for line in lines)
    count = f"{len(lines)} line{'s' if len(lines) > 1 else ''}" + (f", {bad} of them errors" if bad else "")
    shown: Sequence[Markup] = [_line(line) for line in lines[-LINES:]]
    return _fold(title + before, count, element("pre", shown, tabindex="0"))


def _line(line: str) -> Markup:
    at, _, words = line.partition(" ")
    tone = "bad" if _BAD.search(line) else "warn" if _WARN.search(line) else None
    return joined(element("span", f"{at[11:23]} ", class_="dim"), element("span", words, class_=tone), "\n")


def _problems(incident: Incident) -> Markup | None:
    if not incident["problems"]:
        return None
    items = [element("li", one) for one in incident["problems"]]
    return joined(element("h3", "What could not be gathered"), element("ul", items))


def _second_line(incident: Incident) -> str:
    """Return what was waited for: pytest shows it on the line after the cause."""
    lines = [line.removeprefix("E").strip() for line in incident["message"].splitlines()]
    return next((line for line in lines if line.startswith("so ") and " did not come to " in line), "")


def _fold(title: str, count: str, body: Markup | None, *, is_open: bool = False) -> Markup:
    summary = element("summary", title, element("span", f"  {count}", class_="count") if count else None)
    return element("details", summary, body, open=is_open)


def _table(heads: Sequence[str], rows: Sequence[Markup]) -> Markup:
    head = element("tr", [element("th", one, scope="col") for one in heads])
    table = element("table", element("thead", head), element("tbody", rows))
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=" / ".join(heads))


def _full_name(one: Mapping[str, Any]) -> str:
    return "/".join(filter(None, (one.get("namespace", ""), one.get("name", ""))))
