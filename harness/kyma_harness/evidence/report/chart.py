"""Draw rows of bars on an axis of time, as SVG whose text keeps its size at any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kyma_harness.evidence.report.markup import Child, element
from kyma_harness.evidence.report.scale import Scale

ROW = 28
HEIGHT = 20
AXIS = 24
NARROW = 0.35
"""Percent of the width below which a bar would not be seen."""
ROOM = 1.25
"""Percent of the width that a letter takes, on a screen of usual size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands on the left of a row."""

    name: str
    kind: str = ""
    depth: int = 0
    """How far it is set in, below what it is part of."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Rows on an axis of time, and the same in words."""

    labels: Sequence[Label]
    drawing: Markup
    summary: str


def row_top(row: int) -> float:
    """Return where the bar of a row begins."""
    return AXIS + row * ROW + (ROW - HEIGHT) / 2


def bar(
    scale: Scale, start: float, end: float, top: float, *, tone: str, text: str = "", title: str = ""
) -> Markup:
    """Draw a bar from one time to another, with as much of its text as it has room for."""
    left = scale.at(start)
    width = max(scale.at(end) - left, NARROW)
    fits = width >= ROOM * (min(len(text), 4) + 1)
    return element(
        "svg",
        element("title", title),
        element("rect", width="100%", height=HEIGHT, rx=4, class_=f"bar {tone}"),
        element("text", text, x=7, y=HEIGHT - 6, class_=f"word {tone}") if fits else None,
        x=f"{min(left, 100 - NARROW)}%",
        y=top,
        width=f"{width}%",
        height=HEIGHT,
    )


def chart(
    labels: Sequence[Label],
    rows: Sequence[Child],
    scale: Scale,
    *,
    summary: str,
    marks: Sequence[float] = (),
) -> Chart:
    """Draw rows over lines for the ticks of the scale."""
    height = AXIS + len(rows) * ROW
    ticks = scale.ticks()
    lines = [
        element("line", x1=f"{at}%", x2=f"{at}%", y1=AXIS - 4, y2=height, class_="tick") for at, _ in ticks
    ]
    words = [
        element("text", text, x=f"{at}%", y=AXIS - 10, class_="axis", text_anchor=_anchor(at))
        for at, text in ticks
    ]
    dashes = [
        element("line", x1=f"{scale.at(at)}%", x2=f"{scale.at(at)}%", y1=AXIS - 4, y2=height, class_="mark")
        for at in marks
    ]
    drawing = element(
        "svg", lines, words, dashes, rows,
        role="img", aria_label=summary, width="100%", height=height, class_="drawing",
    )  # fmt: skip
    return Chart(labels=labels, drawing=drawing, summary=summary)


def _anchor(at: float) -> str:
    if at <= 1:
        return "start"
    return "end" if at >= 97 else "middle"  # noqa: PLR2004 - percent: there its text would be cut off
