"""The command that runs one test again, the way it ran."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from kyma_harness.pytest.faults import SEED, SEED_PROPERTY

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
