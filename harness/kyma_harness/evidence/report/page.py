"""Put a report together."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

from kyma_harness.evidence.report.markup import Markup, element, joined
from kyma_harness.evidence.report.sections import article, sentence
from kyma_harness.evidence.report.session import Outcome, Session

NAME = "report.html"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""A report that loads nothing cannot be made to."""
OUTCOMES = {
    "failed": ("failed", "bad"),
    "rerun": ("passed only when run again", "warn"),
    "passed": ("passed", "good"),
    "skipped": ("skipped", None),
}
"""How outcomes are called, and their tone, the worst first."""
WIDEST = 14.0
"""Rem: the bar of the test that took longest."""


def page(session: Session) -> str:
    """Return the whole report as one HTML document; failures come first."""
    title = f"{_verdict_text(session)} · kyma-harness"
    body = [
        element("a", "Skip to the failures", href="#main", class_="skip"),
        _header(session),
        element(
            "main",
            [article(one, number) for number, one in enumerate(session.incidents)],
            _rest(session),
            id="main",
        ),
        element("footer", element("p", "Written by kyma-harness. This file needs no network.")),
        element("script", Markup(_resource("page.js"))),
    ]
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(_resource("style.css"))),
    ]
    return "<!doctype html>\n" + element("html", element("head", head), element("body", body), lang="en")


def _header(session: Session) -> Markup:
    moment = datetime.fromtimestamp(session.started, UTC)
    seconds = session.ended - session.started
    facts = {**session.facts, **(session.incidents[0]["facts"] if session.incidents else {})}
    return element(
        "header",
        element("h1", "kyma-harness"),
        element("p", _verdict(session), class_="verdict"),
        element("p", f"{moment:%d %B %Y, %H:%M:%S} UTC · {_duration(seconds)}", class_="when"),
        element(
            "dl",
            [joined(element("dt", name), element("dd", value)) for name, value in facts.items()],
            class_="facts",
        ),
        _contents(session),
    )


def _contents(session: Session) -> Markup | None:
    if not session.incidents:
        return None
    items = [
        element(
            "li",
            element(
                "a",
                element("span", sentence(one["test"]), class_="name"),
                element("span", one["cause"], class_="why"),
                href=f"#t{number}",
            ),
        )
        for number, one in enumerate(session.incidents)
    ]
    return element("nav", element("ol", items), aria_label="Failures")


def _rest(session: Session) -> Markup:
    return joined(
        _list("Passed", session.having("passed")),
        _list("Failed without a cluster", _unexplained(session)),
        _list("Passed only when run again", session.having("rerun")),
        _list("Skipped", session.having("skipped")),
    )


def _list(title: str, outcomes: Sequence[Outcome]) -> Markup | None:
    if not outcomes:
        return None
    longest = max(0.001, *(one.seconds for one in outcomes))
    rows = [
        element(
            "tr",
            element("td", f"{one.seconds:.2f} s", class_="num"),
            element("td", _meter(one.seconds / longest)) if title == "Passed" else None,
            element(
                "td",
                sentence(one.test),
                element("div", one.reason or one.test, class_="where"),
                class_="words",
            ),
        )
        for one in outcomes
    ]
    heading = f"{title}: {len(outcomes)}"
    return element(
        "section",
        element("h2", heading),
        element(
            "div", element("table", element("tbody", rows)),
            class_="scroll", tabindex="0", role="region", aria_label=heading,
        ),
        class_="passed",
    )  # fmt: skip


def _meter(share: float) -> Markup:
    return element("span", class_="meter", style=f"width:{share * WIDEST:.2f}rem", aria_hidden="true")


def _unexplained(session: Session) -> list[Outcome]:
    explained = {one["test"] for one in session.incidents}
    return [one for one in session.having("failed") if one.test not in explained]


def _counts(session: Session) -> list[tuple[str, str | None]]:
    """Return how many tests ended in which way, in words, and the tone of each."""
    counted = [(len(session.having(outcome)), *how) for outcome, how in OUTCOMES.items()]
    return [(f"{count} {words}", tone) for count, words, tone in counted if count]


def _verdict(session: Session) -> Markup:
    parts = [element("span", words, class_=tone) for words, tone in _counts(session)]
    return joined([joined(", " if at else "", part) for at, part in enumerate(parts)])


def _verdict_text(session: Session) -> str:
    return ", ".join(words for words, _ in _counts(session)) or "no tests"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _resource(name: str) -> str:
    return (files("kyma_harness.evidence.report") / name).read_text(encoding="utf-8")
