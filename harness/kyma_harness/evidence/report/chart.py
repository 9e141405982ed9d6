"""Draw rows of bars on an axis of time, as SVG whose text keeps its size at any width."""

from collections.abc import Sequence

from kyma_harness.evidence.report.markup import Child, Markup, element
from kyma_harness.evidence.report.scale import Scale

ROW = 28
HEIGHT = 20
AXIS = 24
NARROW = 0.35
"""Percent of the width below which a bar would not be seen."""
ROOM = 1.25
"""Percent of the width that a letter takes, on a screen of usual size."""


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
    labels: Sequence[Child],
    rows: Sequence[Child],
    scale: Scale,
    *,
    label: str,
    marks: Sequence[float] = (),
) -> Markup:
    """Put labels on the left and rows on the right, over lines for the ticks of the scale."""
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
        role="img", aria_label=label, width="100%", height=height, class_="drawing",
    )  # fmt: skip
    names = element("ul", [element("li", one) for one in labels], class_="labels", aria_hidden="true")
    grid = element("div", names, drawing, class_="chart")
    return element(
        "div", grid, class_="scroll", tabindex="0", role="group", aria_label=label.partition(".")[0]
    )


def _anchor(at: float) -> str:
    if at <= 1:
        return "start"
    return "end" if at >= 97 else "middle"  # noqa: PLR2004 - percent: there its text would be cut off
