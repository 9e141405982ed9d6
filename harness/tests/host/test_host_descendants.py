import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from eventually import eventually, first_line, is_gone, open_files

from kyma_harness.host.descendants import MARKER, end_marked, marked
from kyma_harness.host.guard import stand_guard
from kyma_harness.host.process import spawn

# Starts a process in a session of its own, as a daemon would, and says its id.
DAEMONIZER = """
import subprocess, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
GUARDED = f"""
import asyncio, os, sys
from pathlib import Path
from kyma_harness.host.guard import stand_guard
from kyma_harness.host.process import spawn

async def main(mark, log):
    await stand_guard(mark, Path(os.devnull))
    os.environ["{MARKER}"] = mark
    child = await spawn([sys.executable, "-c", {DAEMONIZER!r}], name="daemonizer", env={{}}, stdout=Path(log))
    await child.wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_process_that_left_its_session_is_found_and_ended_by_its_mark(tmp_path: Path) -> None:
    mark, log = str(tmp_path), tmp_path / "log"
    parent = await spawn([sys.executable, "-c", DAEMONIZER], name="parent", env={MARKER: mark}, stdout=log)
    daemon = int(await first_line(log))
    # A program that was just started has no environment for a moment.
    await eventually(lambda: set(marked(mark)) == {parent.pid, daemon})

    ended = await asyncio.to_thread(end_marked, mark)

    assert set(ended) == {parent.pid, daemon}
    assert marked(mark) == []
    await parent.wait()


async def test_processes_of_another_mark_are_left_alone(tmp_path: Path) -> None:
    mine = await spawn(["sleep", "600"], name="sleep", env={MARKER: f"{tmp_path}/a"}, stdout=tmp_path / "log")

    await asyncio.to_thread(end_marked, str(tmp_path))

    assert mine.returncode is None
    await mine.terminate(grace=1)


async def test_the_guard_ends_descendants_when_the_one_it_guards_is_killed(tmp_path: Path) -> None:
    mark, log = str(tmp_path), tmp_path / "log"
    guarded = await spawn(
        [sys.executable, "-c", GUARDED, mark, log],
        name="guarded",
        env=dict(os.environ),
        stdout=tmp_path / "out",
    )
    await first_line(log)

    os.kill(guarded.pid, signal.SIGKILL)
    await guarded.wait()

    await eventually(lambda: not marked(mark))


async def test_a_guard_that_is_dead_is_closed_all_the_same_and_its_work_is_done(tmp_path: Path) -> None:
    mark, log = str(tmp_path), tmp_path / "log"
    guard = await stand_guard(mark, tmp_path / "guard.log")
    parent = await spawn([sys.executable, "-c", DAEMONIZER], name="parent", env={MARKER: mark}, stdout=log)
    daemon = int(await first_line(log))
    await eventually(lambda: set(marked(mark)) == {parent.pid, daemon})
    before = open_files()
    os.kill(guard.pid, signal.SIGKILL)
    await eventually(lambda: is_gone(guard.pid))

    await guard.close()

    await parent.wait()
    assert marked(mark) == []
    assert open_files() < before


async def test_a_guard_that_does_its_work_is_waited_for(tmp_path: Path) -> None:
    mark, log = str(tmp_path), tmp_path / "log"
    guard = await stand_guard(mark, tmp_path / "guard.log")
    parent = await spawn([sys.executable, "-c", DAEMONIZER], name="parent", env={MARKER: mark}, stdout=log)
    await first_line(log)

    await guard.close()
    await guard.close()

    await parent.wait()
    assert marked(mark) == []


async def test_a_guard_that_cannot_be_started_leaves_no_pipe_open(tmp_path: Path) -> None:
    before = open_files()

    with pytest.raises(OSError, match="No such file"):
        await stand_guard(str(tmp_path), tmp_path / "nowhere" / "guard.log")

    assert open_files() == before
