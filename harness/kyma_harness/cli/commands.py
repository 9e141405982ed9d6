"""Commands made of coroutine functions, in groups by what they are for.

They are named, and imported when they are called: help and completion need the name and one line of each.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.shell_completion import CompletionItem

from kyma_harness.cli.output import Format, Outcome, is_told, output_option, tell_failure, tell_outcome
from kyma_harness.cli.session import Session
from kyma_harness.host.paths import explained

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator, Mapping

    Run = Callable[..., Coroutine[Any, Any, Outcome | None]]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Examples with what each of them does, and a sentence about what comes after."""

    examples: Mapping[str, str] = field(default_factory=dict)
    """What follows ``kyma-harness`` on the command line, and what it does."""
    then: str = ""
    answers: type[Outcome] | None = None
    """What the command tells a script, if it does."""

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


def teaches(
    examples: Mapping[str, str], *, then: str = "", answers: type[Outcome] | None = None
) -> Callable[[F], F]:
    """Give a command's function its lesson, and say what it answers a script."""

    def mark(run: F) -> F:
        run.__lesson__ = Lesson(examples=examples, then=then, answers=answers)  # type: ignore[attr-defined]
        return run

    return mark


def lesson_of(run: Callable[..., Any]) -> Lesson:
    """Return the lesson of a command's function; an empty one where there is none."""
    found: Lesson = getattr(run, "__lesson__", Lesson())
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A command that is not imported yet."""

    place: str
    """``module:function``, the module within this package."""
    summary: str
    """The first line of its help."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.place.partition(":")[2].replace("_", "-")

    def load(self) -> Command:
        """Import it."""
        module, _, function = self.place.partition(":")
        return Command(getattr(import_module(f"kyma_harness.cli.{module}"), function))


class Command(click.Command):
    """One command: its function gets the session first, and returns what a script is told."""

    def __init__(self, run: Run) -> None:
        self.lesson: Lesson = lesson_of(run)
        self.outcome = self.lesson.answers
        params = [*getattr(run, "__click_params__", [])][::-1]
        if self.outcome:
            params.append(output_option())

        @click.pass_obj
        def call(session: Session, /, **options: Any) -> None:
            import asyncio

            session.choose(**{name: options.pop(name) for name in self._of_all})
            if self.outcome:
                session.format = Format(options.pop("output"))
            outcome = asyncio.run(run(session, **options))
            if outcome is None:
                return
            if session.format is Format.JSON:
                tell_outcome(outcome)
            click.get_current_context().exit(outcome.exit)

        name = run.__name__.replace("_", "-")
        super().__init__(name, callback=call, params=params, help=inspect.getdoc(run))
        self._of_all: list[str] = []

    def take_also(self, options: Iterable[click.Option]) -> None:
        """Take the options of all commands behind the command's name as well; its help leaves them out."""
        names = {param.name for param in self.params}
        for option in options:
            if option.name and option.name not in names:
                other = copy.copy(option)
                other.hidden = True
                self.params.append(other)
                self._of_all.append(option.name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the options of all commands as well."""
        offered = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            return offered
        more = [one for one in self.params if isinstance(one, click.Option) and one.name in self._of_all]
        items = [CompletionItem(name, help=one.help) for one in more for name in one.opts]
        return [*offered, *(one for one in items if one.value.startswith(incomplete))]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the format before anything can be wrong with the other arguments."""
        if self.outcome and isinstance(ctx.obj, Session) and _asks_for_json(args):
            ctx.obj.format = Format.JSON
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the lesson below the options."""
        self.lesson.write(formatter)


class Commands(click.Group):
    """All commands in sections; whatever goes wrong in one is told, and ends with its exit code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections: dict[str, dict[str, Named]] = {}

    def section(self, title: str, summaries: Mapping[str, str]) -> None:
        """Add commands below a title, in this order: where each is found, and its summary."""
        made = [Named(place=place, summary=summary) for place, summary in summaries.items()]
        self.sections[title] = {one.name: one for one in made}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the sections."""
        return [name for names in self.sections.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None where there is none of this name."""
        for named in self.sections.values():
            if cmd_name in named and cmd_name not in self.commands:
                command = named[cmd_name].load()
                command.take_also(
                    one for one in self.params if isinstance(one, click.Option) and one.expose_value
                )
                self.add_command(command)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section with its title."""
        widest = max(map(len, self.list_commands(ctx)))
        for title, named in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{widest}}", one.summary) for name, one in named.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands and the options of all."""
        offered = [
            CompletionItem(name, help=one.summary)
            for named in self.sections.values()
            for name, one in named.items()
            if name.startswith(incomplete)
        ]
        return [*offered, *click.Command.shell_complete(self, ctx, incomplete)]

    def of(self, ctx: click.Context, title: str) -> Iterator[tuple[str, click.Command]]:
        """Yield the commands of a section."""
        for name in self.sections[title]:
            if found := self.get_command(ctx, name):
                yield name, found

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and tell what stands in its way."""
        words = list(ctx.args)

        def end(failure: BaseException) -> NoReturn:
            ctx.exit(tell_failure(failure, ctx.obj.format if ctx.obj else _format_of(words)))

        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except (Exception, KeyboardInterrupt) as failure:
            if is_told(failure):
                end(failure)
            said = explained(failure) if isinstance(failure, OSError) else None
            if said is None:
                raise
            end(said)


def _format_of(args: list[str]) -> Format:
    return Format.JSON if _asks_for_json(args) else Format.TEXT


def _asks_for_json(args: list[str]) -> bool:
    joined = " ".join(args)
    return any(f"{flag}{Format.JSON}" in joined for flag in ("--output ", "--output=", "-o ", "-o"))
