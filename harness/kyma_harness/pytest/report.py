"""Hooks that draw the report of a session, in the process that sees all its tests."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import pytest

from kyma_harness.pytest.hooks import EVIDENCE, PROPERTY
from kyma_harness.pytest.loading import load


class Seen(NamedTuple):
    """How one test has ended so far."""

    outcome: str
    seconds: float
    reason: str


class SessionReport:
    """Collect outcomes, also those that xdist's workers send, and write the report at the end."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._started = time.time()
        self._outcomes: dict[str, Seen] = {}
        self._folders: dict[Path, None] = {}
        self.written: Path | None = None
        self.trouble = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test; a test has failed if any phase has."""
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._folders[Path(str(value))] = None
        known = self._outcomes.get(report.nodeid)
        outcome: str = report.outcome
        if known is not None and (outcome == "passed" or known.outcome == "failed"):
            outcome = known.outcome
        self._outcomes[report.nodeid] = Seen(
            outcome=outcome,
            seconds=(known.seconds if known else 0) + report.duration,
            reason=_reason(report) or (known.reason if known else ""),
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the report if there is evidence to show."""
        try:
            self._write()
        except Exception as error:  # noqa: BLE001 - whatever it is, the outcomes of the tests are to be told
            self.trouble = f"{type(error).__name__}: {error}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report is, or why there is none."""
        if self.written:
            terminalreporter.write_line(f"report: {self.written.as_uri()}")
        if self.trouble:
            terminalreporter.write_line(f"report: it could not be written: {self.trouble}")

    def _write(self) -> None:
        folders = [folder for folder in self._folders if folder.is_dir()]
        if not folders:
            return
        load()
        from kyma_harness.evidence.report.page import NAME, page
        from kyma_harness.evidence.report.session import Outcome, Session, read_incidents

        session = Session(
            started=self._started,
            ended=time.time(),
            outcomes=[Outcome(test=test, **seen._asdict()) for test, seen in self._outcomes.items()],
            incidents=read_incidents(self._base, folders),
        )
        session.keep(self._base)
        file = self._base / NAME
        file.write_text(page(session), encoding="utf-8")
        self.written = file


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Collect in the main process only: workers of xdist send it what they see."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SessionReport(config.stash[EVIDENCE]), "kyma-harness report")


def _reason(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return ""
