"""What a command says in the end: to people, or to a script as one JSON document."""

import enum
import json
from dataclasses import asdict
from typing import Any

import click

from kyma_harness.cli.exits import Exit
from kyma_harness.cli.outcomes import Outcome


class Format(enum.StrEnum):
    """For whom a command writes."""

    TEXT = "text"
    JSON = "json"


def output_option() -> click.Option:
    """Return the option of every command that has an outcome."""
    return click.Option(
        ["--output", "-o"],
        type=click.Choice([str(one) for one in Format]),
        default=str(Format.TEXT),
        show_default=True,
        help="json: print one JSON document on standard output, be it the outcome or the error.",
    )


def tell_outcome(outcome: Outcome) -> None:
    """Print an outcome for a script."""
    fields = asdict(outcome)  # type: ignore[call-overload]
    _print({name: value for name, value in fields.items() if value is not None})


def tell_failure(failure: BaseException, chosen: Format) -> Exit:
    """Print what went wrong, and return the exit code for it."""
    from rich.console import Console
    from rich.markup import escape

    code, message = Exit.of(failure), _message(failure)
    if chosen is Format.JSON:
        remedy = getattr(failure, "remedy", "")
        error = {"type": code.type, "message": message}
        _print({"error": {**error, "remedy": remedy} if remedy else error})
    elif isinstance(failure, click.ClickException):
        failure.show()
    else:
        said = "interrupted" if code is Exit.INTERRUPTED else f"[red]error:[/red] {escape(message)}"
        Console(stderr=True).print(said, highlight=False, soft_wrap=True)
    return code


def _message(failure: BaseException) -> str:
    if isinstance(failure, click.ClickException):
        return failure.format_message()
    return str(failure) or "interrupted"


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2, default=str))
