"""Print what is being done, step by step, with times."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

WIDTH = 20


class Step:
    """One line of the ledger; what is noted on it stands behind its name when it ends.

    ``show`` shows one line of what goes on in it, such as a line of an image's build. ``say`` and ``clear``
    make it the live line of a wait: what is said is for terminals only, as it soon is no longer true.
    """

    def __init__(
        self, show: Callable[[str], None] = lambda _: None, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.notes: list[str] = []
        self.show = show
        self.say = say

    def clear(self) -> None:
        """Say nothing any more."""
        self.say("")

    def note(self, text: str) -> None:
        """Say what came of the step, such as an address or a count."""
        self.notes.append(text)


class Ledger:
    """Steps with their times: live where there is a terminal, one line a step where there is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step and print it when it ends, whether it went well or not."""
        status, started = self._console.status(f"{name} …"), time.monotonic()
        step = Step(
            show=lambda line: self._show(status, name, line), say=lambda line: self._say(status, name, line)
        )
        try:
            with status:
                yield step
        except BaseException:
            self._print("[red]✗[/red]", name, started, step)
            raise
        self._print("[green]✓[/green]", name, started, step)

    def detail(self, text: str) -> None:
        """Print one line that belongs to the step before it."""
        line = f"    {escape(' '.join(text.split()))}"
        self._console.print(line, style="dim", highlight=False, soft_wrap=True)

    def _show(self, status: Status, name: str, line: str) -> None:
        """Show a line where the last one stood, or below it where there is no terminal."""
        if self._console.is_terminal:
            self._say(status, name, line)
        else:
            self.detail(line)

    def _say(self, status: Status, name: str, line: str) -> None:
        room = max(self._console.width - len(name) - len(" …  "), 0)
        status.update(f"{name} … [dim]{escape(line[:room])}[/dim]")

    def total(self) -> float:
        """Return the seconds since the ledger was opened."""
        return time.monotonic() - self._started

    def _print(self, mark: str, name: str, started: float, step: Step) -> None:
        seconds = f"{time.monotonic() - started:5.1f} s"
        notes = escape("; ".join(step.notes))
        line = f"{mark} {name:<{WIDTH}} [dim]{seconds}[/dim]  {notes}"
        self._console.print(line, highlight=False, soft_wrap=True)
