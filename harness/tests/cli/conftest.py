"""The command line where no cluster runs, each test with a state folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from kyma_harness.cli import commands


class Said(NamedTuple):
    """What a command line has said."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """The JSON on standard output."""
        return json.loads(self.out)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KYMA_HARNESS_STATE", str(tmp_path))
    return tmp_path


@pytest.fixture
def kyma_harness(state: Path) -> Callable[..., Said]:
    """Run the program as a shell would."""

    def call(*words: str) -> Said:
        done = CliRunner().invoke(commands, words)
        return Said(done.exit_code, done.stdout, done.stderr)

    return call
