"""What fixtures leave for hooks to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from kyma_harness.evidence.failure import Findings
    from kyma_harness.host.blocking import Portal
    from kyma_harness.pytest.wanted import Wanted
    from kyma_harness.wait.observer import Observer
    from kyma_harness.wait.steps import StepLog


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
