"""The live line of a wait, on a terminal as a developer has it."""

import os
import sys
from pathlib import Path

from nested import environment

from kyma_harness.host.process import spawn

TEST = """
from kyma_harness.pytest.observing import line_of

def test_that_waits(pytestconfig):
    line = line_of(pytestconfig)
    line.say("Eventing default-kyma-eventing: Processing")
    line.clear()
"""


async def test_the_live_line_is_seen_although_pytest_captures_what_a_test_writes(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    ours, terminal = os.openpty()
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir=."]
    try:
        child = await spawn(argv, name="pytest", env=environment(), cwd=tmp_path, stdout=terminal)

        code = await child.wait()
        seen = os.read(ours, 1 << 16).decode()
    finally:
        os.close(terminal)
        os.close(ours)

    assert code == 0, seen
    assert "Eventing default-kyma-eventing: Processing" in seen
