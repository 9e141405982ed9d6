"""What tests of packages hold in their hands."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kyma_harness.host.process import Completed

Call = Callable[..., Completed]
"""Runs a program of an environment: its name, its words, ``cwd``, and environment variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What is built of one folder."""

    folder: Path
    wheel: Path
    sdist: Path
