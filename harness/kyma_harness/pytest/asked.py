"""What a session of pytest was asked for, and which cluster is its own."""

import hashlib
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from kyma_harness.clusters.errors import ClusterNameError
from kyma_harness.kyma.choices import Choice
from kyma_harness.session.options import (
    KYMA,
    KYMA_DIST,
    MODULE,
    OPTIONS,
    TOOLS,
    Settings,
    answers,
    check_name,
    from_environment,
)

RUN = pytest.StashKey[str]()
_LENGTH = 8
_SLUG_LENGTH = 16
"""k3d allows 32 characters for a cluster's name."""


def run_of(config: pytest.Config) -> str:
    """Return what tells this session from others; workers of pytest-xdist have theirs in common."""
    if RUN not in config.stash:
        given = getattr(config, "workerinput", {}).get("testrunuid") or uuid4().hex
        config.stash[RUN] = hashlib.sha256(given.encode()).hexdigest()[:_LENGTH]
    return config.stash[RUN]


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what contradicts itself, before anything begins."""
    named = config.getoption("--harness-cluster")
    if named is not None and config.getoption("--harness-keep"):
        raise pytest.UsageError(
            "--harness-keep keeps the session's own cluster, and the one that --harness-cluster names stays "
            "anyway: give one of the two"
        )
    if named is not None:
        try:
            check_name(named)
        except ClusterNameError as error:
            raise pytest.UsageError(str(error)) from None


def settings_of(config: pytest.Config) -> Settings:
    """Collect what a session was asked for; one that names no cluster makes one of its own."""
    named, keep = config.getoption("--harness-cluster"), config.getoption("--harness-keep")
    given = {one.name: config.getoption(one.of_pytest) for one in OPTIONS}
    paths: dict[str, Any] = {
        one.name: Path(given[one.name]) for one in (KYMA_DIST, TOOLS, MODULE) if given[one.name]
    }
    base = config.invocation_params.dir  # by now a test may have gone elsewhere
    return from_environment(
        **answers(given, lambda name: str(config.getini(f"harness_{name}")), base=base),
        base=base,
        cluster=_own_name(config) if named is None else named,
        detached=named is not None or keep,
        keep=keep,
        kyma=Choice(given[KYMA.name]),
        **paths,
    )


def _own_name(config: pytest.Config) -> str:
    return kept_name(config) if config.getoption("--harness-keep") else f"pytest-{run_of(config)}"


def kept_name(config: pytest.Config) -> str:
    """Return the name of the cluster that this project's sessions keep for one another."""
    slug = re.sub(r"[^a-z0-9]+", "-", config.rootpath.name.lower())[:_SLUG_LENGTH].strip("-")
    digest = hashlib.sha256(str(config.rootpath).encode()).hexdigest()[:6]
    return "-".join(["kept", *([slug] if slug else []), digest])
