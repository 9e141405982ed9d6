"""Show which tool is being fetched or built: live in a terminal, a line at a time elsewhere."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from kyma_harness.toolchain.ways import Offer, Report


class ToolProgress(Protocol):
    """Whoever wants to know how far the tools are."""

    def tool(self, name: str, offer: Offer) -> AbstractContextManager[Report]:
        """Begin with a tool, and give what to report to until the block ends."""

    def note(self, text: str) -> None:
        """Say something that is not about one tool."""


class ConsoleProgress:
    """Report to a rich console: the one display while tools are being brought."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def tool(self, name: str, offer: Offer) -> Iterator[Report]:
        """Show one tool until the block ends, and leave a line behind if it went well."""
        started = time.monotonic()
        with self._live(name, offer) as report:
            yield report
        self.note(f"{name}: {offer.label}, {time.monotonic() - started:.1f} s")

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False)

    @contextmanager
    def _live(self, name: str, offer: Offer) -> Iterator[Report]:
        expected = f"about {offer.seconds:.0f} s" if offer.seconds else ""
        if not self._console.is_terminal:
            self.note(f"{name}: {offer.label}{expected and f', {expected}'} …")
            yield lambda _text, _part: None
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.fields[tool]}: {task.description}", markup=False),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("{task.fields[expected]}", style="dim"),
        )
        with Progress(*columns, console=self._console, transient=True) as display:
            task = display.add_task(offer.label, total=None, tool=name, expected=expected)
            yield _reporter(display, task)


def _reporter(display: Progress, task: TaskID) -> Report:
    def report(text: str, part: float | None) -> None:
        display.update(task, description=text, completed=part or 0, total=None if part is None else 1)

    return report
