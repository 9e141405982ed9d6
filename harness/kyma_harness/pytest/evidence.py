"""Keep evidence of each failed test that had a cluster."""

import os
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kubeloop.errors import ControllerError
from kyma_harness.evidence.failure import Findings, Incident
from kyma_harness.evidence.folder import discard, lay_down
from kyma_harness.evidence.gather import gather
from kyma_harness.host.blocking import Portal
from kyma_harness.host.errors import HarnessError
from kyma_harness.pytest.cluster import SEED, SEED_PROPERTY
from kyma_harness.pytest.hooks import EVIDENCE, OBSERVED, PROPERTY, SALVAGED, STARTED, STEPS, Salvaged
from kyma_harness.pytest.observing import facts_of
from kyma_harness.session.setup import Testbed
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.steps import StepLog

OURS = ("--kyma", "--harness")
LONG = (*OURS, "--rootdir", "--confcutdir", "--config-file", "--override-ini", "--import-mode")
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
            folder = _keep(item, call.excinfo.value, report)
            report.user_properties.append((PROPERTY, str(folder)))
            report.sections.append(("evidence", f"{folder}\nrun it again: {command_for(item)}"))
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


def _keep(item: pytest.Item, error: BaseException, report: pytest.TestReport) -> Path:
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
        ended=ended,
        message=report.longreprtext,
        cause=cause_of(error),
        command=command_for(item),
        facts=facts,
    )
    return lay_down(stash[EVIDENCE], incident, findings, logs)


def cause_of(error: BaseException) -> str:
    """Return the first line of what was raised, with its type where the words alone would not do."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    from_us = isinstance(error, (HarnessError, pytest.fail.Exception)) or type(error).__module__.startswith(
        "kyma_harness."
    )
    if first and from_us:
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
