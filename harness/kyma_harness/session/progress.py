"""Where the main job tells what it does: a terminal, or the log of steps that a report is drawn from."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.markup import escape

from kyma_harness.wait.steps import Step, StepLog

if TYPE_CHECKING:
    from rich.status import Status

WIDTH = 20


class Sink(Protocol):
    """What takes the steps of a job. ``say`` and ``clear`` make it the live line of a wait."""

    def step(self, name: str) -> AbstractContextManager[Step]:
        """Time a step, whether it goes well or not; what the block remarks on it is told with it."""

    def part(self, step: Step) -> None:
        """Take a part of the step under way, when it begins and when it has ended."""

    def show(self, line: str) -> None:
        """Show one line of what goes on in the step under way, such as a line of an image's build."""

    def say(self, text: str) -> None:
        """Show how far a wait is: soon it is no longer true."""

    def clear(self) -> None:
        """Say nothing any more."""

    def detail(self, text: str) -> None:
        """Tell one line more about the step before."""


class Ledger:
    """Steps with their times: live where there is a terminal, one line a step where there is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._live: tuple[Status, str] | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Print a step when it ends, and keep it on the terminal's last line till then."""
        status, started = self._console.status(f"{name} …"), time.monotonic()
        step, self._live = Step(name=name), (status, name)
        try:
            with status:
                yield step
        except BaseException:
            self._print("[red]✗[/red]", step, started)
            raise
        finally:
            self._live = None
        self._print("[green]✓[/green]", step, started)

    def part(self, step: Step) -> None:
        """Leave it to the step to tell what was worth telling of its parts."""

    def show(self, line: str) -> None:
        """Show a line where the last one stood, or below it where there is no terminal."""
        if self._console.is_terminal:
            self.say(line)
        else:
            self.detail(line)

    def say(self, text: str) -> None:
        """Show it behind the name of the step, on terminals only."""
        if self._live:
            status, name = self._live
            room = max(self._console.width - len(name) - len(" …  "), 0)
            status.update(f"{name} … [dim]{escape(text[:room])}[/dim]")

    def clear(self) -> None:
        """Say nothing any more."""
        self.say("")

    def detail(self, text: str) -> None:
        """Print one line that belongs to the step before it."""
        line = f"    {escape(' '.join(text.split()))}"
        self._console.print(line, style="dim", highlight=False, soft_wrap=True)

    def total(self) -> float:
        """Return the seconds since the ledger was opened."""
        return time.monotonic() - self._started

    def _print(self, mark: str, step: Step, started: float) -> None:
        seconds = f"{time.monotonic() - started:5.1f} s"
        line = f"{mark} {step.name:<{WIDTH}} [dim]{seconds}[/dim]  {escape(step.note)}"
        self._console.print(line, highlight=False, soft_wrap=True)


class Noted:
    """Steps as a report draws them: each with its parts, and without what is true for a moment only."""

    def __init__(self, steps: StepLog) -> None:
        self._steps = steps

    def step(self, name: str) -> AbstractContextManager[Step]:
        """Note that something begins, and when and how it ends."""
        return self._steps.step(name)

    def part(self, step: Step) -> None:
        """Note a part that has ended; the whole is the step itself."""
        if step.ended is not None and step.name != "cluster":
            self._steps.past(f"start of {step.name}", step.started, ok=step.ok, is_part=True)

    def show(self, line: str) -> None:
        """Leave it out."""

    def say(self, text: str) -> None:
        """Leave it out."""

    def clear(self) -> None:
        """Leave it out."""

    def detail(self, text: str) -> None:
        """Leave it out."""
