"""Run again the first test of a whole CI run that fails, and no other: docs/decisions/ci-asks-twice.md.

A plugin of pytest. All processes of pytest that a run starts, workers included, are given one file. Whoever
makes it has the one attempt more, and writes there which test that was, for `.ci/run` to tell.
"""

import os
from functools import partial
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the one test is noted."""
    help_ = "run the first test that fails once more, unless FILE is there; FILE is made, and says which"
    parser.getgroup("rerun-once").addoption("--rerun-once", metavar="FILE", type=Path, help=help_)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let pytest-rerunfailures ask, for each test that has failed, whether it may run again."""
    file: Path | None = config.getoption("--rerun-once")
    if file is not None:
        for item in items:
            item.add_marker(pytest.mark.flaky(reruns=1, condition=partial(_may_run_again, file, item.nodeid)))


def _may_run_again(file: Path, test: str, error: BaseException | None) -> bool:
    """Tell whether a test is the first to fail; it is asked without an error where all went well."""
    return error is not None and claim(file, test)


def claim(file: Path, test: str) -> bool:
    """Take the one attempt that a run has, and note for which test; false where it is taken."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as noted:
        noted.write(f"{test}\n")
    return True
