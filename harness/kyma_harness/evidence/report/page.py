"""Put a report together: `page.html` says how it is laid out, this what is in it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kyma_harness.evidence.report.sections import failure_of, sentence
from kyma_harness.evidence.report.session import Session

NAME = "report.html"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""A report that loads nothing cannot be made to."""
OUTCOMES = {
    "failed": ("failed", "bad"),
    "rerun": ("passed only when run again", "warn"),
    "passed": ("passed", "good"),
    "skipped": ("skipped", ""),
}
"""How outcomes are called, and their tone, the worst first."""
TONES = (
    ("good", "as it should be"),
    ("busy", "on its way"),
    ("warn", "a warning"),
    ("bad", "in trouble"),
    ("going", "going"),
    ("step", "there, with nothing to say of itself"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many tests ended in one way."""

    words: str
    tone: str


def page(session: Session) -> str:
    """Return the whole report as one HTML document; failures come first.

    Whatever was read from a cluster is escaped where the template shows it.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["sentence"] = sentence
    explained = {one["test"] for one in session.incidents}
    return environment.get_template("page.html").render(
        session=session,
        verdict=_verdict(session),
        when=_when(session),
        facts={**session.facts, **(session.incidents[0]["facts"] if session.incidents else {})},
        failures=[failure_of(incident) for incident in session.incidents],
        unexplained=[one for one in session.having("failed") if one.test not in explained],
        policy=POLICY,
        tones=TONES,
    )


def _verdict(session: Session) -> list[Verdict]:
    counted = [(len(session.having(outcome)), *how) for outcome, how in OUTCOMES.items()]
    return [Verdict(words=f"{count} {words}", tone=tone) for count, words, tone in counted if count]


def _when(session: Session) -> str:
    seconds = session.ended - session.started
    minutes, rest = divmod(round(seconds), 60)
    took = f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
    return f"{datetime.fromtimestamp(session.started, UTC):%d %B %Y, %H:%M:%S} UTC · {took}"
