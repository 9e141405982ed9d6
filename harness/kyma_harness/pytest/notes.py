"""Say what every run should say of its cluster, also for workers of pytest-xdist, whom nobody hears."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from kyma_harness.host.errors import HarnessError
from kyma_harness.pytest.asked import settings_of
from kyma_harness.pytest.loading import load

NOTES = pytest.StashKey[list[str]]()
_KEY = "kyma-harness notes"


def pytest_configure(config: pytest.Config) -> None:
    """Begin without notes."""
    config.stash[NOTES] = []


def note(config: pytest.Config, line: str) -> None:
    """Say something now; a worker's is said at the end of the run."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(config, "workerinput") or reporter is None:
        config.stash[NOTES].append(line)
        return
    with uncaptured(config):
        reporter.ensure_newline()
        reporter.write_line(line)


def uncaptured(config: pytest.Config) -> AbstractContextManager[None]:
    """Return a block in which the terminal is heard: while a test runs, pytest captures it as well."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    return capture.global_and_fixture_disabled() if capture else nullcontext()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's notes to the process that everybody hears."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = session.config.stash[NOTES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what a worker noted; several say the same."""
    notes = node.config.stash[NOTES]
    notes += [line for line in getattr(node, "workeroutput", {}).get(_KEY, []) if line not in notes]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what workers noted, and how to reach and remove a cluster that is kept."""
    for line in config.stash[NOTES]:
        terminalreporter.write_line(line)
    if not config.getoption("--harness-keep"):
        return
    load()
    from kyma_harness.session.record import Record

    try:
        settings = settings_of(config)
        known = Record.read(settings)
    except HarnessError:  # the tests that needed a cluster have said why
        return
    if known:
        terminalreporter.write_line(
            f"cluster {settings.cluster} is kept for the next run with --harness-keep.\n"
            f"  reach it:  export KUBECONFIG={settings.cluster_state / 'kubeconfig'}\n"
            f"  remove it: kyma-harness --cluster {settings.cluster} down"
        )
