"""Keep evidence of each failed test that had a cluster."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, TracebackType

import pytest
from _pytest._code.code import ExceptionChainRepr

from kyma_harness.evidence.failure import Findings, Incident
from kyma_harness.evidence.folder import discard, lay_down
from kyma_harness.evidence.gather import gather
from kyma_harness.host.errors import HarnessError
from kyma_harness.pytest.command import command_for
from kyma_harness.pytest.hooks import PROPERTY
from kyma_harness.pytest.stash import EVIDENCE, FAILED, OBSERVED, SALVAGED, STARTED, STEPS, Salvaged
from kyma_harness.wait.eventually import EventuallyError
from kyma_harness.wait.waits import WaitError

OURS = ("kyma_harness.", "kubeloop.", "asyncio.", "concurrent.futures.")
"""Modules through which an error of a wait comes to the test, and which say nothing of it."""
RUNNERS = ("_pytest.", "pluggy.")


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
