"""Print docs/reference/cli.md, from the commands themselves: `make reference`."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

import click

from kyma_harness.cli import commands
from kyma_harness.cli.commands import Command, Commands
from kyma_harness.cli.output import Exit
from kyma_harness.clusters.choice import Probe
from kyma_harness.kyma.verify import Check
from kyma_harness.session.leftovers import Found

PREFACE = """\
# The command line

<!-- Written by `make reference`. Change the commands, not this page. -->

`kyma-harness [OPTIONS] COMMAND [ARGS]`. Every command has `--help`, with examples. The options of all
commands may stand before the command or behind it.

Every option can come from the environment: `--cluster` from `KYMA_HARNESS_CLUSTER`, `--output` of `status`
from `KYMA_HARNESS_STATUS_OUTPUT`. What a cluster was made with (provider, module, lifecycle managers) later
commands need not be told again.

What was asked for goes to standard output, and nothing else does. Progress and errors for people go to
standard error.

`kyma-harness completion bash`, `zsh` or `fish` prints what makes the shell complete commands, options, the
clusters that are here, the module of a cluster and the values of its switch.

## JSON

`--output json` prints one document on standard output, with the fields that stand below each command. Fields
may be added; none that is there changes its meaning. One without a value is left out. A failure is a document
too, also one of the command line itself:

```json
{
  "error": {
    "type": "not-running",
    "message": "cluster kyma is not running: `kyma-harness --cluster kyma up` starts it",
    "remedy": "`kyma-harness --cluster kyma up` starts it"
  }
}
```

`type` is the word for the exit code. `remedy` is there where the message has one that can be told apart.

## Exit codes
"""
TYPES = {str: "text", bool: "true or false", int: "number", float: "number"}


def reference() -> str:
    """Return the page, as Markdown."""
    context = click.Context(commands, info_name="kyma-harness")
    return "\n".join([PREFACE, *_exit_codes(), *_commands(commands, context)])


def _exit_codes() -> Iterator[str]:
    yield "| code | type in JSON | meaning |"
    yield "|---|---|---|"
    for one in Exit:
        yield f"| {one.value} | {f'`{one.type}`' if one else ''} | {one.meaning} |"
    yield ""


def _commands(group: Commands, context: click.Context) -> Iterator[str]:
    yield "## Options of all commands\n"
    yield from _options(group)
    for title in group.sections:
        yield f"## {title}\n"
        for name, command in group.of(context, title):
            yield f"### {name}\n"
            yield from _command(command, click.Context(command, info_name=name, parent=context))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"`{command.get_usage(context).removeprefix('Usage: ')}`\n"
    yield f"{command.help}\n"
    yield from _options(command)
    if isinstance(command, Command):
        yield from _examples(command)
        if command.outcome:
            yield "| in JSON | | |"
            yield "|---|---|---|"
            for field in fields(command.outcome):  # type: ignore[arg-type]
                yield f"| `{field.name}` | {' | '.join(_meaning(command.outcome, field.name))} |"
            yield ""


def _options(command: click.Command) -> Iterator[str]:
    options = [one for one in command.params if isinstance(one, click.Option)]
    shown = [one for one in options if one.expose_value and not one.hidden]
    if not shown:
        return
    yield "| option | |"
    yield "|---|---|"
    for one in shown:
        yield f"| {_spelled(one)} | {_help(one)} |"
    yield ""


def _spelled(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if isinstance(option.type, click.Choice):
        return f"{names} {', '.join(f'`{one}`' for one in option.type.choices)}"
    return names


def _help(option: click.Option) -> str:
    said = (option.help or "").replace("|", r"\|")
    return f"{said} [default: {option.default}]" if option.show_default else said


def _examples(command: Command) -> Iterator[str]:
    if command.lesson.examples:
        yield "```sh"
        for words, what in command.lesson.examples.items():
            yield f"kyma-harness {words}  # {what}"
        yield "```\n"
    if command.lesson.then:
        yield f"Next: {command.lesson.then}\n"


def _meaning(outcome: type, name: str) -> tuple[str, str]:
    elsewhere = {one.__name__: one for one in (Probe, Check, Found, Sequence)}
    hint: Any = get_type_hints(outcome, localns=elsewhere, include_extras=True)[name]
    kind, meaning = get_args(hint)
    (of_value,) = [one for one in get_args(kind) if one is not NoneType] if _is_optional(kind) else [kind]
    return TYPES.get(of_value, "list"), str(meaning)


def _is_optional(kind: Any) -> bool:
    return NoneType in get_args(kind)


if __name__ == "__main__":
    sys.stdout.write(reference())
