"""The hooks: they know a test that has to do with a cluster by its fixtures, and touch no other."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from kyma_harness.clusters.provider import Capability
from kyma_harness.pytest.graph import FAULTS, KYMA, OBSERVER, SETTINGS, TESTBED
from kyma_harness.pytest.loading import load
from kyma_harness.wait.steps import StepLog

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import CodeType

    from kyma_harness.evidence.failure import Findings
    from kyma_harness.host.blocking import Portal
    from kyma_harness.wait.observer import Observer


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The cluster that is being looked at, and how to ask it."""

    observer: Observer
    portal: Portal
    facts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What was found of a cluster whose set-up failed, before it was taken down."""

    findings: Findings
    facts: dict[str, str]
    logs: Path | None
    """A folder with the logs of the cluster's own parts."""


STEPS: pytest.StashKey[StepLog] = pytest.StashKey()
OBSERVED: pytest.StashKey[Observed] = pytest.StashKey()
SALVAGED: pytest.StashKey[Salvaged] = pytest.StashKey()
EVIDENCE: pytest.StashKey[Path] = pytest.StashKey()
"""The folder that evidence is laid down in."""
TURN: pytest.StashKey[ExitStack] = pytest.StashKey()
"""On each test: what it has of the cluster, until it is over."""
HAD: pytest.StashKey[Wanted] = pytest.StashKey()
"""On a test that has its turn: what for."""
STARTED: pytest.StashKey[float] = pytest.StashKey()
"""On each test: the Unix time at which its set-up began."""
FAILED: pytest.StashKey[str] = pytest.StashKey()
"""On each test that has failed since then: the cause, in a line. What fails after that does not hide it."""


DYNAMIC = "getfixturevalue"
OF_A_CLUSTER = frozenset(
    {"api", "client", "expect_log", "faults", "forbid_log", "kyma", "manager_log"}
    | {"namespace", "observer", "reach", "testbed", "timeline"}
)
"""The public fixtures that have to do with a cluster."""


class Wanted(NamedTuple):
    """What a test wants of a cluster."""

    cluster: bool = False
    kyma: bool = False
    """The one Kyma, for itself."""
    alone: bool = False
    """The whole cluster, for itself."""


def has_cluster(item: pytest.Item) -> bool:
    """Tell whether a test has a cluster that can be looked into."""
    asked = set(getattr(item, "fixturenames", ()))
    return bool(asked & {TESTBED, OBSERVER}) or bool(OF_A_CLUSTER.intersection(_named_by(item)))


def wanted_by(item: pytest.Item) -> Wanted:
    """Return what a test asks for: by its fixtures, its markers, and by names that it gives while it runs."""
    asked = set(getattr(item, "fixturenames", ()))
    named = set(_named_by(item))
    needs = {name for mark in item.iter_markers("needs") for name in mark.args}
    return Wanted(
        cluster=SETTINGS in asked or bool(named & OF_A_CLUSTER) or bool(needs & set(Capability)),
        kyma=KYMA in asked or "kyma" in named,
        alone=FAULTS in asked or "faults" in named,
    )


def _named_by(item: pytest.Item) -> Iterator[str]:
    """Yield what a test or a fixture of it may hand to ``request.getfixturevalue``, if that is written."""
    info = getattr(item, "_fixtureinfo", None)
    fixtures = [one.func for defined in (info.name2fixturedefs if info else {}).values() for one in defined]
    for function in (getattr(item, "function", None), *fixtures):
        code = getattr(function, "__code__", None)
        if code and not function.__module__.startswith("kyma_harness.") and _is_dynamic(code):
            yield from _words(code)
            yield from (one for one in _parameters(item) if isinstance(one, str))


def _is_dynamic(code: CodeType) -> bool:
    return DYNAMIC in code.co_names or any(map(_is_dynamic, _inner(code)))


def _words(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, (tuple, frozenset)):
            yield from (one for one in constant if isinstance(one, str))
    for inner in _inner(code):
        yield from _words(inner)


def _inner(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if hasattr(one, "co_consts")]


def _parameters(item: pytest.Item) -> list[object]:
    callspec = getattr(item, "callspec", None)
    return list(callspec.params.values()) if callspec else []


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
