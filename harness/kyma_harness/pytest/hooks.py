"""The hooks: they know a test that has to do with a cluster by its fixtures, and touch no other."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kyma_harness.pytest.loading import load
from kyma_harness.pytest.stash import EVIDENCE, FAILED, STARTED, STEPS, TURN
from kyma_harness.pytest.wanted import has_cluster, wanted_by
from kyma_harness.wait.steps import StepLog

if TYPE_CHECKING:
    from collections.abc import Generator

PROPERTY = "kyma-harness evidence"
SHOWN_FROM = 0.05
"""Seconds from which on a fixture's set-up is a step of its own."""
MISSED = pytest.StashKey[str]()
"""On a test whose turn has not come: why."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the evidence goes."""
    group = parser.getgroup("kyma-harness")
    group.addoption(
        "--harness-evidence",
        metavar="DIR",
        type=Path,
        default=Path(".harness-evidence"),
        help="where evidence of failed tests is kept, a folder each, and report.html [.harness-evidence]",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Open the ledger of the session."""
    config.stash[STEPS] = StepLog()
    config.stash[EVIDENCE] = (config.rootpath / config.getoption("--harness-evidence")).absolute()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Wait for the test's turn before anything of it begins, its time-out included."""
    wanted = wanted_by(item)
    with ExitStack() as turn:
        item.stash[TURN] = turn
        if wanted.cluster:
            load()
            from kyma_harness.pytest.exclusive import take_turn

            if missed := take_turn(item, wanted):
                item.stash[MISSED] = missed
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Note when the test's window begins."""
    item.stash[STARTED] = time.time()
    item.stash[FAILED] = ""  # of an attempt before this one
    with item.config.stash[STEPS].step("set-up"):
        return (yield)


@pytest.hookimpl(specname="pytest_runtest_setup", tryfirst=True)
def pytest_runtest_setup_of_the_late(item: pytest.Item) -> None:
    """Fail a test whose turn has not come, before anything of it is made."""
    if missed := item.stash.get(MISSED, ""):
        pytest.fail(missed, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Note the test itself as a step."""
    with item.config.stash[STEPS].step("test"):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """Look into the cluster for a clean-up that fails where the cluster would go in the same breath.

    The last test of a session is cleaned up together with the session. So it is cleaned up first, and what it
    raises is looked into while there is something to see; then all the rest goes.
    """
    failure = None
    if nextitem is None and has_cluster(item):
        from kyma_harness.pytest.evidence import clean_up_before_the_session

        failure = clean_up_before_the_session(item)
    try:
        result = yield
    except Exception as second:
        if failure is None:
            raise
        raise BaseExceptionGroup("errors while cleaning up", [failure, second]) from None
    if failure is not None:
        raise failure
    return result


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None]:
    """Note each fixture that takes its time."""
    started, ok = time.time(), False
    try:
        result = yield
        ok = True
        return result
    finally:
        if time.time() - started >= SHOWN_FROM:
            request.config.stash[STEPS].past(f"fixture {fixturedef.argname}", started, ok=ok)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the evidence of a failed phase; fixtures have not cleaned up yet, unless this is the clean-up."""
    if not has_cluster(item):
        return (yield)
    from kyma_harness.pytest.evidence import attend, hide_ours

    hide_ours(call)
    report = yield
    attend(item, call, report)
    return report
