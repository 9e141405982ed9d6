import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from eventually import PATIENCE, eventually, first_line, is_gone, open_files

from kyma_harness.host.errors import CommandError, SpawnError
from kyma_harness.host.pinned_process import end_process
from kyma_harness.host.process import Child, handing_over, run, spawn

PYTHON = sys.executable
OWN_SESSION = "import os, sys; print(os.getsid(0) == os.getpid(), sys.stdin.read() == '')"
ECHO = "import sys; print(sys.stdin.read()); print('aside', file=sys.stderr)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
SLEEPING = "import time; print('up', flush=True); time.sleep(600)"
PARENT = """
import subprocess, sys
child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""


def command_lines() -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may end while we look
            found.append(file.read_text(errors="replace"))
    return found


async def python(code: str, log: Path, **options: object) -> Child:
    return await spawn([PYTHON, "-c", code], name="test", env=dict(os.environ), stdout=log, **options)


async def test_a_child_writes_to_its_log_and_its_exit_code_is_reported(tmp_path: Path) -> None:
    log = tmp_path / "log"

    child = await python("import sys; print('hello'); sys.exit(3)", log)

    assert await child.wait() == 3
    assert child.log_tail() == "hello"
    assert child.returncode == 3


async def test_a_child_has_a_session_of_its_own_and_nothing_to_read(tmp_path: Path) -> None:
    child = await python(
        "import os, sys; print(os.getsid(0) == os.getpid(), sys.stdin.read() == '')", tmp_path / "log"
    )

    await child.wait()

    assert child.log_tail() == "True True"


async def test_terminating_ends_a_child_that_ignores_the_polite_request(tmp_path: Path) -> None:
    child = await python(STUBBORN, tmp_path / "log")
    await first_line(tmp_path / "log")

    returncode = await child.terminate(grace=0.1)

    assert returncode == -signal.SIGKILL


async def test_the_group_goes_with_its_leader(tmp_path: Path) -> None:
    child = await python(PARENT, tmp_path / "log")
    grandchild = int(await first_line(tmp_path / "log"))

    os.kill(child.pid, signal.SIGKILL)
    await child.wait()

    await eventually(lambda: is_gone(grandchild))


async def test_a_child_dies_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    code = """
import asyncio, os, signal
from pathlib import Path
from kyma_harness.host.process import spawn

async def main():
    child = await spawn(["sleep", "600"], name="sleep", env={}, stdout=Path(os.devnull))
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""
    parent = await python(code, tmp_path / "log")
    child = int(await first_line(tmp_path / "log"))

    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()

    await eventually(lambda: is_gone(child))


async def test_a_program_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SpawnError, match="cannot start /nowhere/tool: No such file"):
        await spawn(["/nowhere/tool"], name="tool", env={}, stdout=tmp_path / "log")


async def test_a_command_returns_what_it_wrote() -> None:
    done = await run(
        [PYTHON, "-c", "import sys; print(sys.stdin.read()); print('aside', file=sys.stderr)"],
        timeout=PATIENCE,
        stdin=b"in",
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "in\n", "aside\n")


async def test_a_command_that_fails_raises_with_its_last_lines() -> None:
    with pytest.raises(CommandError, match=r"failed with exit code 2\nbecause"):
        await run(
            [PYTHON, "-c", "import sys; print('because', file=sys.stderr); sys.exit(2)"], timeout=PATIENCE
        )


async def test_a_failure_may_be_asked_for_instead_of_raised() -> None:
    done = await run([PYTHON, "-c", "raise SystemExit(2)"], timeout=PATIENCE, check=False)

    assert done.returncode == 2


async def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    marker = str(tmp_path)

    with pytest.raises(CommandError, match="did not finish within") as late:
        await run([PYTHON, "-c", "import time; time.sleep(600)", marker], timeout=1)

    assert late.value.timed_out
    await eventually(lambda: not any(marker in line for line in command_lines()))


async def test_a_cancelled_command_leaves_no_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    task = asyncio.create_task(run([PYTHON, "-c", code], timeout=600))
    pid = int(await first_line(pid_file))

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await eventually(lambda: is_gone(pid))


async def test_a_process_of_others_is_asked_and_then_killed(tmp_path: Path) -> None:
    child = await python(STUBBORN, tmp_path / "log")
    await first_line(tmp_path / "log")

    is_gone = await end_process(child.pid, lambda: True, grace=0.1)

    assert is_gone
    assert await child.wait() == -signal.SIGKILL


async def test_a_process_that_is_not_the_one_is_left_alone(tmp_path: Path) -> None:
    child = await python(STUBBORN, tmp_path / "log")

    await end_process(child.pid, lambda: False, grace=0.1)

    assert child.returncode is None
    await child.terminate(grace=0)


@pytest.mark.parametrize("ticks", range(4))
async def test_a_cancellation_that_comes_together_with_the_end_is_not_lost(
    tmp_path: Path, ticks: int
) -> None:
    child = await python("", tmp_path / "log")

    async def end_and_go_on() -> None:
        await child.terminate(grace=60)
        await asyncio.Event().wait()

    task = asyncio.create_task(end_and_go_on())
    await child.wait()
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()

    done, _ = await asyncio.wait({task}, timeout=PATIENCE)
    task.cancel()
    assert done == {task}
    assert task.cancelled()


async def test_a_process_that_was_disowned_is_no_zombie_once_it_has_ended(tmp_path: Path) -> None:
    child = await python(SLEEPING, tmp_path / "log", die_with_parent=False)
    await first_line(tmp_path / "log")
    child.disown()

    os.kill(child.pid, signal.SIGKILL)

    await eventually(lambda: not Path(f"/proc/{child.pid}").exists())


async def test_a_process_that_was_disowned_is_not_ours_to_signal(tmp_path: Path) -> None:
    child = await python(STUBBORN, tmp_path / "log", die_with_parent=False)
    await first_line(tmp_path / "log")

    child.disown()
    child.signal(signal.SIGKILL)

    assert not is_gone(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    await eventually(lambda: not Path(f"/proc/{child.pid}").exists())


async def test_a_program_that_cannot_be_started_leaves_no_pipe_open() -> None:
    before, (reading, writing) = open_files(), os.pipe()

    with pytest.raises(SpawnError), handing_over(writing, kept=reading):
        await spawn(["no-such-program"], name="none", env={}, stdout=writing)

    assert open_files() == before


async def test_of_a_pipe_that_a_child_writes_to_we_keep_the_other_end() -> None:
    reading, writing = os.pipe()

    with handing_over(writing, kept=reading):
        child = await spawn(["echo", "hello"], name="echo", env=dict(os.environ), stdout=writing)

    with os.fdopen(reading) as said:
        assert await asyncio.to_thread(said.read) == "hello\n"
    await child.wait()
