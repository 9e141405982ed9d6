"""Commands made of coroutine functions, in groups by what they are for."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn

import click

from kyma_harness.commands.exits import FAILURES
from kyma_harness.commands.lesson import Lesson, lesson_of
from kyma_harness.commands.outcomes import Outcome
from kyma_harness.commands.output import Format, output_option, tell_failure, tell_outcome
from kyma_harness.commands.session import Session
from kyma_harness.host.paths import explained

Run = Callable[..., Coroutine[Any, Any, Outcome | None]]


class Command(click.Command):
    """One command: its function gets the session first, and returns what a script is told."""

    def __init__(self, run: Run) -> None:
        self.lesson: Lesson = lesson_of(run)
        self.outcome: type[Outcome] | None = inspect.signature(run, eval_str=True).return_annotation
        params = [*getattr(run, "__click_params__", [])][::-1]
        if self.outcome:
            params.append(output_option())

        @click.pass_obj
        def call(session: Session, /, **options: Any) -> None:
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
        self.sections: dict[str, list[str]] = {}

    def section(self, title: str, *runs: Run) -> None:
        """Add commands below a title, in this order."""
        made = [Command(run) for run in runs]
        for command in made:
            self.add_command(command)
        self.sections[title] = [str(command.name) for command in made]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the sections."""
        return [name for names in self.sections.values() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section with its title."""
        widest = max(map(len, self.commands))
        for title in self.sections:
            rows = [(f"{name:<{widest}}", one.get_short_help_str(90)) for name, one in self.of(ctx, title)]
            with formatter.section(title):
                formatter.write_dl(rows)

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
        except (click.ClickException, click.Abort, KeyboardInterrupt, *FAILURES) as failure:
            end(failure)
        except OSError as error:
            if not (said := explained(error)):
                raise
            end(said)


def _format_of(args: list[str]) -> Format:
    return Format.JSON if _asks_for_json(args) else Format.TEXT


def _asks_for_json(args: list[str]) -> bool:
    joined = " ".join(args)
    return any(f"{flag}{Format.JSON}" in joined for flag in ("--output ", "--output=", "-o ", "-o"))
