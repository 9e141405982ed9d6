"""Help teaches, and its page in docs/reference is what the commands say."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hack.reference import reference
from kyma_harness.cli import commands

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
CONTEXT = click.Context(commands)
COMMANDS = [commands.get_command(CONTEXT, name) for name in commands.list_commands(CONTEXT)]
SUMMARIES = {name: one.summary for named in commands.sections.values() for name, one in named.items()}


def test_the_page_of_the_reference_is_what_the_commands_say():
    assert PAGE.read_text() == reference(), "stale: run `make reference`"


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_has_an_example_that_can_be_parsed(command, tmp_path, monkeypatch):
    (tmp_path / "manager.tar").touch()
    monkeypatch.chdir(tmp_path)
    for line in command.lesson.examples:
        words = line.partition(" || ")[0].partition(" && ")[0].partition(" >")[0].split()
        context = commands.make_context("kyma-harness", words)
        name, found, rest = commands.resolve_command(context, [*context._protected_args, *context.args])
        found.make_context(name, rest, parent=context, resilient_parsing=False)

    assert any(command.name in line.split() for line in command.lesson.examples)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_is_summed_up_in_one_line(command):
    assert not command.get_short_help_str(90).endswith("...")
    assert len(command.get_short_help_str(90)) <= 62
    assert command.get_short_help_str(90) == SUMMARIES[command.name]


def test_the_help_lists_commands_by_what_they_are_for():
    shown = CliRunner().invoke(commands, ["--help"]).output

    assert shown.index("The cluster:") < shown.index("  up ") < shown.index("The module in it:")
    assert "Exit codes: 0 done" in shown


def test_the_help_of_a_command_says_what_comes_next():
    shown = CliRunner().invoke(commands, ["enable", "--help"]).output

    assert "kyma-harness enable eventing --channel fast" in shown
    assert "Next:\n  `verify` checks it" in shown
