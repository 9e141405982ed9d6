import os
import signal
import sys
from pathlib import Path

import pytest
from eventually import first_line

from kyma_harness.host.errors import LockHeldError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.process import spawn

HOLD = """
import sys, time
from pathlib import Path
from kyma_harness.host.locks import FileLock
FileLock(Path(sys.argv[1]), purpose="testing").acquire()
print("held", flush=True)
time.sleep(600)
"""


async def test_only_one_holds_a_lock_and_the_other_is_told_who(tmp_path: Path) -> None:
    lock, other = FileLock(tmp_path / "lock", purpose="mine"), FileLock(tmp_path / "lock", timeout=0)
    lock.acquire()

    with pytest.raises(LockHeldError, match=rf"is held by process {os.getpid()} \(mine\)"):
        await other.acquire_async()

    lock.release()


def test_a_released_lock_is_free(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    with lock:
        held = lock.holder()

    assert held is not None
    assert lock.holder() is None


def test_a_lock_whose_file_was_removed_is_not_the_lock_any_more(tmp_path: Path) -> None:
    first = FileLock(tmp_path / "lock")
    first.acquire()
    (tmp_path / "lock").unlink()

    with FileLock(tmp_path / "lock", timeout=0) as second:
        assert second.is_held

    first.release()


async def test_the_kernel_lets_go_when_the_holder_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, tmp_path / "lock"]
    child = await spawn(command, name="holder", env=dict(os.environ), stdout=tmp_path / "out")
    await first_line(tmp_path / "out")
    lock = FileLock(tmp_path / "lock", timeout=0)
    holder = lock.holder()

    os.kill(child.pid, signal.SIGKILL)
    await child.wait()

    assert holder is not None
    assert (holder.pid, holder.purpose) == (child.pid, "testing")
    assert lock.try_acquire()
    lock.release()
