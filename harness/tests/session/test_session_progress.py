"""What the ledger prints while a step lasts, with a terminal and without one."""

import io

import pytest
from rich.console import Console

from kyma_harness.session.progress import Ledger


def printed(*, terminal):
    """Run a step that shows two lines, and return what a console of 40 columns got."""
    console = Console(file=io.StringIO(), width=40, force_terminal=terminal, color_system=None)
    ledger = Ledger(console)
    with ledger.step("bundle") as step:
        ledger.show("Step 1/2 : FROM scratch")
        ledger.show("Step 2/2 : COPY [a] " + "long " * 20)
        step.remark("pushed")
    return console.file.getvalue()


def test_without_a_terminal_every_line_stands_below_the_last():
    first, second, end = printed(terminal=False).splitlines()

    assert first == "    Step 1/2 : FROM scratch"
    assert second.startswith("    Step 2/2 : COPY [a] long")
    assert end.startswith("✓ bundle")


def test_on_a_terminal_a_line_takes_the_place_of_the_one_before_and_is_no_longer_than_it_may_be():
    shown = printed(terminal=True)

    assert "bundle … Step 2/2 : COPY [a]" in shown
    assert "\n    Step" not in shown
    assert max(len(line) for line in shown.replace("\r", "\n").split("\n")) < 80


def test_a_step_that_fails_is_printed_as_failed():
    console = Console(file=io.StringIO(), width=80)

    with pytest.raises(ValueError, match="no"), Ledger(console).step("bundle"):
        raise ValueError("no")

    assert console.file.getvalue().startswith("✗ bundle")


@pytest.mark.parametrize("terminal", [True, False])
def test_the_live_line_of_a_wait_is_for_terminals_only(terminal):
    console = Console(file=io.StringIO(), width=60, force_terminal=terminal, color_system=None)

    ledger = Ledger(console)

    with ledger.step("enable"):
        ledger.say("Lamp kcp-system/lamp: Processing, 4 s of 60")

    assert ("Processing, 4 s of 60" in console.file.getvalue()) is terminal
