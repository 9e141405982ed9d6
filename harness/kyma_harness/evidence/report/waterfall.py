"""Draw the ledger of steps as a waterfall."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from kyma_harness.evidence.report.chart import HEIGHT, Chart, Label, bar, chart, row_top
from kyma_harness.evidence.report.markup import element
from kyma_harness.evidence.report.scale import Scale

SHORT = 0.1
"""Seconds below which something that the test did is drawn as a moment."""


def draw_steps(steps: Sequence[Mapping[str, Any]], scale: Scale) -> Chart:
    """Draw each step on a row of its own, indented below what it is part of."""
    labels = [Label(name=step["name"], depth=step["depth"]) for step in steps]
    rows = [_row(row, step, scale) for row, step in enumerate(steps)]
    told = "; ".join(f"{step['name']}: {_seconds(step, scale):.2f} s" for step in steps)
    return chart(labels, rows, scale, summary=f"Waterfall of {len(steps)} steps. {told}")


def moments(steps: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return when the test did something to the cluster."""
    return [step["ended"] for step in steps if step["is_act"] and step["ended"]]


def _row(row: int, step: Mapping[str, Any], scale: Scale) -> Markup:
    top, seconds = row_top(row), _seconds(step, scale)
    if _is_moment(step, scale):
        diamond = element(
            "path", element("title", step["name"]), d="M0,3 L7,10 L0,17 L-7,10 z", class_="moment"
        )
        at = f"{scale.at(step['started'])}%"
        return element("svg", diamond, x=at, y=top, width=1, height=HEIGHT, overflow="visible")
    went_well = step["ok"] and step["ended"] is not None  # what has no end is what the failure ended
    tone = "step" if went_well else "bad"
    title = f"{step['name']}: {seconds:.2f} s{'' if went_well else ', failed'}"
    text = f"{seconds:.2f} s" if went_well else f"✗ {seconds:.2f} s"
    end = step["ended"] or scale.end
    return bar(scale, step["started"], end, top, tone=tone, text=text, title=title)


def _is_moment(step: Mapping[str, Any], scale: Scale) -> bool:
    return bool(step["is_act"] and step["ok"] and _seconds(step, scale) < SHORT)


def _seconds(step: Mapping[str, Any], scale: Scale) -> float:
    seconds: float = (step["ended"] or scale.end) - step["started"]
    return seconds
