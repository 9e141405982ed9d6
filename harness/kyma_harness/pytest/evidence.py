"""Keep evidence of each failed test that had a cluster."""

import os
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, TracebackType

import pytest
from _pytest._code.code import ExceptionChainRepr

from kubeloop.errors import ControllerError
from kyma_harness.evidence.failure import Findings, Incident
from kyma_harness.evidence.folder import discard, lay_down
from kyma_harness.evidence.gather import gather
from kyma_harness.host.blocking import Portal
from kyma_harness.host.errors import HarnessError
from kyma_harness.pytest.cluster import SEED, SEED_PROPERTY
from kyma_harness.pytest.hooks import EVIDENCE, FAILED, OBSERVED, PROPERTY, SALVAGED, STARTED, STEPS, Salvaged
from kyma_harness.pytest.observing import facts_of
from kyma_harness.session.setup import Testbed
from kyma_harness.wait.eventually import EventuallyError
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.steps import StepLog
from kyma_harness.wait.waits import WaitError

OURS = ("kyma_harness.", "kubeloop.", "asyncio.", "concurrent.futures.")
"""Modules through which an error of a wait comes to the test, and which say nothing of it."""
RUNNERS = ("_pytest.", "pluggy.")
OPTIONS = ("--kyma", "--harness")
LONG = (*OPTIONS, "--rootdir", "--confcutdir", "--config-file", "--override-ini", "--import-mode")
SHORT = ("-c", "-o", "-p")
"""What decides which cluster a test gets, and whether pytest finds the test and what it imports."""
WITHOUT_VALUE = ("--harness-keep",)
VARIABLES = ("KUBECONFIG", "KYMA_DIST", "HARNESS_TOOLS", "PYTHONPATH")


def command_for(item: pytest.Item) -> str:
    """Return a line for a shell: the folder, the environment that counts, our options, seeds and the test.

    The folder is the one that pytest was run in: paths in options and environment begin there.
    """
    config, folder = item.config, item.config.invocation_params.dir
    counting = {
        name: value
        for name, value in os.environ.items()
        if name in VARIABLES or name.startswith("KYMA_HARNESS_")
    }
    properties = dict(item.user_properties)
    if SEED_PROPERTY in properties:
        counting[SEED] = str(properties[SEED_PROPERTY])
    variables = [f"{name}={shlex.quote(value)}" for name, value in counting.items()]
    program, given = _called(config)
    words = [*program, *options_of(given), *_fixed(config, given), _test(item, folder)]
    line = " ".join([*variables, *map(shlex.quote, words)])
    return f"cd {shlex.quote(str(folder))} && {line}"


def _called(config: pytest.Config) -> tuple[list[str], list[str]]:
    """Return how pytest was called, and with what; a worker of pytest-xdist is told how its session was."""
    called = list(getattr(config, "workerinput", {}).get("mainargv", []))
    name, given = (called[0], called[1:]) if called else (sys.argv[0], list(config.invocation_params.args))
    # As a module, pytest has the current folder on its path; as a program it has not.
    apart = [] if Path(name).name == "__main__.py" else ["-P"]
    return [sys.executable, *apart, "-m", "pytest"], list(map(str, given))


def options_of(given: list[str]) -> list[str]:
    """Return those of pytest's words that a test needs to run as it did."""
    kept, words = list[str](), iter(given)
    for word in words:
        is_long, is_short = word.startswith(LONG), word.startswith(SHORT) and not word.startswith("--")
        if not (is_long or is_short):
            continue
        kept.append(word)
        has_value = "=" in word if is_long else word not in SHORT
        if not has_value and word not in WITHOUT_VALUE and (value := next(words, "")):
            kept.append(value)
    return kept


def _fixed(config: pytest.Config, given: list[str]) -> list[str]:
    """Return what pytest has found out or diced for itself, and would not for one test alone."""
    root = [] if any(word.startswith("--rootdir") for word in given) else [f"--rootdir={config.rootpath}"]
    seed = config.getoption("randomly_seed", default=None)
    return [*root, *([f"--randomly-seed={seed}"] if isinstance(seed, int) else [])]


def _test(item: pytest.Item, folder: Path) -> str:
    """Name a test as it is found from a folder; its own name for it begins at the root of all tests."""
    place, colons, name = item.nodeid.partition("::")
    found = os.path.relpath(item.config.rootpath / place, folder)
    return f"{found}{colons}{name}"


def salvage(testbed: Testbed, *, portal: Portal, config: pytest.Config) -> None:
    """Look into the cluster, and leave what is found for the tests that asked for it."""
    folder = TemporaryDirectory(prefix="kyma-harness-")
    config.add_cleanup(folder.cleanup)  # every test that needs the cluster has a copy by then
    logs = Path(folder.name)
    try:
        findings = portal.call(_look_into(testbed, logs, config.stash[STEPS]))
        salvaged = Salvaged(findings=findings, facts=facts_of(testbed), logs=logs)
    except Exception as error:  # noqa: BLE001 - why the set-up failed counts more
        why = f"the cluster could not be looked into: {type(error).__name__}: {error}"
        salvaged = Salvaged(findings=Findings(problems=[why]), facts={}, logs=None)
    config.stash[SALVAGED] = salvaged


async def _look_into(testbed: Testbed, logs: Path, steps: StepLog) -> Findings:
    problems: list[str] = []
    try:
        await testbed.provider.collect_logs(logs)
    except (HarnessError, ControllerError, OSError) as error:
        problems.append(f"logs of the cluster: {error}")
    now = time.time()
    try:
        async with testbed.client() as client:
            found = await gather(Observer.over(client, steps=steps), now - 600, now)
    except (HarnessError, ControllerError, OSError) as error:
        return Findings(steps=steps.steps, problems=[*problems, str(error)])
    return replace(found, problems=[*problems, *found.problems])


def attend(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Keep the evidence of a failed phase, and drop that of a test that has passed."""
    try:
        if report.failed and call.excinfo is not None:
            error, before = call.excinfo.value, item.stash.get(FAILED, "")
            tidy(report, error, item)
            item.stash[FAILED] = before or cause_of(error)
            folder = _keep(item, error, report, phase_started=call.start, follows=before)
            report.user_properties.append((PROPERTY, str(folder)))
            report.sections.append(("evidence", f"{folder}\nrun it again: {command_for(item)}"))
            if before:
                report.longrepr = after_a_failure(before, error, report)
        elif report.when == "call" and report.passed and _is_first_attempt(item):
            discard(item.config.stash[EVIDENCE], item.nodeid)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other tests are to run
        said = f"evidence could not be kept: {type(error).__name__}: {error}"
        report.sections.append(("evidence", f"{said}\nrun it again: {command_for(item)}"))


def clean_up_before_the_session(item: pytest.Item) -> BaseException | None:
    """Clean up after a test, its module and its package, and return what that has raised.

    What is found then in the cluster is left on the test: the session's fixtures have gone by the time at
    which it is reported.
    """
    session, upon = item.session, item.config.stash.get(OBSERVED, None)
    if upon is None:
        return None
    try:
        session._setupstate.teardown_exact(_Nobody(session))  # type: ignore[arg-type]  # noqa: SLF001
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - to be reported
        started = item.stash.get(STARTED, time.time())
        findings = upon.portal.call(gather(upon.observer, started, time.time()))
        item.stash[SALVAGED] = Salvaged(findings=findings, facts=upon.facts, logs=None)
        return error
    return None


class _Nobody:
    """Stands for a next test of which nothing is known but that it is of the session."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> list[pytest.Session]:
        """Return what a next test would need."""
        return [self._session]


def _is_first_attempt(item: pytest.Item) -> bool:
    """Tell whether a test was not run before: pytest-rerunfailures counts what it runs once more."""
    return getattr(item, "execution_count", 1) == 1


def tidy(report: pytest.TestReport, error: BaseException, item: pytest.Item) -> None:
    """Have pytest show the words of an error before the module of its class, and no objects of ours.

    A summary's line is cut, so that the cause would not be seen; and of ``kyma = KymaHandle(api=<...>)`` at
    the head of a failure nobody learns anything.
    """
    shown = report.longrepr
    if not isinstance(shown, ExceptionChainRepr):
        return
    kind = type(error)
    named = f"{kind.__module__}.{kind.__qualname__}"
    if shown.reprcrash and _speaks_for_itself(error):
        shown.reprcrash.message = shown.reprcrash.message.removeprefix(named).removeprefix(": ")
    ours = {name for name, value in getattr(item, "funcargs", {}).items() if _is_ours(value)}
    for traceback, _, _ in shown.chain:
        for entry in traceback.reprentries:
            entry.lines = [line.replace(named, kind.__name__) for line in entry.lines]
            if arguments := getattr(entry, "reprfuncargs", None):
                arguments.args = [one for one in arguments.args if one[0] not in ours]


def hide_ours(call: pytest.CallInfo[None]) -> None:
    """Take our own frames off the traceback of an error that says what happened, if a test's are left."""
    if call.excinfo is None or not _speaks_for_itself(call.excinfo.value):
        return
    links = list(_links(call.excinfo.tb))
    kept = [link for link in links if not _module_of(link).startswith(OURS)]
    if all(_module_of(link).startswith(RUNNERS) for link in kept):
        return
    shown = None
    for link in reversed(kept):
        shown = TracebackType(shown, link.tb_frame, link.tb_lasti, link.tb_lineno)
    assert shown is not None  # noqa: S101 - a link is kept
    error = call.excinfo.value
    call.excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error, shown))


def _links(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _module_of(link: TracebackType) -> str:
    return str(link.tb_frame.f_globals.get("__name__", ""))


def _is_ours(value: object) -> bool:
    """Tell whether a fixture's value is an object of ours, or a function."""
    made_of = getattr(value, "func", getattr(value, "__func__", value))
    home = made_of.__module__ if isinstance(made_of, FunctionType) else type(made_of).__module__
    return home.startswith(("kyma_harness.", "kubeloop."))


def after_a_failure(before: str, error: BaseException, report: pytest.TestReport) -> str:
    """Return what pytest shows of a clean-up that fails after its test: why the test has failed comes first.

    pytest shows errors before failures, and what cannot be installed can often not be removed either. Of a
    wait the first line is enough, the evidence has the rest.
    """
    lines = [f"the test has failed before: {before}", f"then its clean-up failed: {cause_of(error)}"]
    if not _speaks_for_itself(error):
        lines += ["", report.longreprtext]
    return "\n".join(lines)


def _keep(
    item: pytest.Item, error: BaseException, report: pytest.TestReport, *, phase_started: float, follows: str
) -> Path:
    stash = item.config.stash
    started, ended = item.stash.get(STARTED, time.time()), time.time()
    facts, logs = {}, None
    if observed := stash.get(OBSERVED, None):
        facts = observed.facts
        findings = observed.portal.call(gather(observed.observer, started, ended))
    elif salvaged := item.stash.get(SALVAGED, stash.get(SALVAGED, None)):
        findings, facts, logs = salvaged.findings, salvaged.facts, salvaged.logs
    else:
        findings = Findings(
            steps=stash[STEPS].between(started, ended), problems=["the test had no cluster to look into"]
        )
    incident = Incident(
        test=item.nodeid,
        phase=report.when or "call",
        started=started,
        phase_started=max(phase_started, started),
        ended=ended,
        message=report.longreprtext,
        cause=cause_of(error),
        command=command_for(item),
        follows=follows,
        facts=facts,
    )
    return lay_down(stash[EVIDENCE], incident, findings, logs)


def cause_of(error: BaseException) -> str:
    """Return the first line of what was raised, with its type where the words alone would not do."""
    if isinstance(error, BaseExceptionGroup):
        causes = [cause_of(one) for one in error.exceptions]
        spoken = (said for said, one in zip(causes, error.exceptions, strict=True) if _speaks_for_itself(one))
        return next(spoken, causes[0])
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if first and _speaks_for_itself(error):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _speaks_for_itself(error: BaseException) -> bool:
    """Tell whether the words of an error say what happened to which object, so that its type adds nothing."""
    return isinstance(error, (HarnessError, WaitError, EventuallyError, pytest.fail.Exception))
