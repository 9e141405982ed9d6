"""The live line of a wait on the terminal that pytest writes to."""

import shutil
import threading

import pytest

from kyma_harness.pytest.notes import uncaptured
from kyma_harness.wait.live_wait import Line, NoLine

ERASE = "\r\x1b[2K"


class TerminalLine:
    """Write one line over and over; what pytest wrote before stays above it.

    Waits call this from the portal's thread while the test's thread waits for them, so that nobody else
    writes meanwhile.
    """

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._lock = threading.Lock()
        self._shown = False

    def say(self, text: str) -> None:
        """Show this text, cut to the terminal's width."""
        with self._lock, uncaptured(self._reporter.config):
            if not self._shown:
                self._reporter.ensure_newline()
                self._shown = True
            width = shutil.get_terminal_size().columns - 1
            self._reporter.write(f"{ERASE}{text[:width]}", flush=True)

    def clear(self) -> None:
        """Erase the line."""
        with self._lock, uncaptured(self._reporter.config):
            if self._shown:
                self._reporter.write(ERASE, flush=True)
                self._shown = False


def line_of(config: pytest.Config) -> Line:
    """Return the line of pytest's terminal; a silent one where there is no terminal, as in CI."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty:
        return NoLine()
    return TerminalLine(reporter)
