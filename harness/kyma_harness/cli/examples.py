"""What a command's help teaches beyond its options: examples, and what to do next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Examples with what each of them does, and a sentence about what comes after."""

    examples: Mapping[str, str] = field(default_factory=dict)
    """What follows ``kyma-harness`` on the command line, and what it does."""
    then: str = ""

    def write(self, formatter: click.HelpFormatter) -> None:
        """Write it below the options."""
        if self.examples:
            with formatter.section("Examples"):
                for words, what in self.examples.items():
                    formatter.write_text(f"# {what}")
                    formatter.write_text(f"kyma-harness {words}")
        if self.then:
            with formatter.section("Next"):
                formatter.write_text(self.then)


def teaches(examples: Mapping[str, str], *, then: str = "") -> Callable[[F], F]:
    """Give a command's function its lesson."""

    def mark(run: F) -> F:
        run.__lesson__ = Lesson(examples=examples, then=then)  # type: ignore[attr-defined]
        return run

    return mark


def lesson_of(run: Callable[..., Any]) -> Lesson:
    """Return the lesson of a command's function; an empty one where there is none."""
    found: Lesson = getattr(run, "__lesson__", Lesson())
    return found
