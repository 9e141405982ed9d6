import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from eventually import eventually, first_line

from kyma_harness.host.errors import LockHeldError
from kyma_harness.host.process import Child, spawn
from kyma_harness.host.sharing import Share

JOIN = """
import sys, time
from pathlib import Path
from kyma_harness.host.sharing import Share
share = Share(Path(sys.argv[1]))
assert share.try_join()
print("joined", flush=True)
time.sleep(600)
"""


async def a_user(file: Path) -> Child:
    out = file.with_name(f"out-{os.urandom(4).hex()}")
    child = await spawn([sys.executable, "-c", JOIN, file], name="user", env=dict(os.environ), stdout=out)
    await first_line(out)
    return child


async def test_several_hold_a_share_and_are_known_by_their_processes(tmp_path: Path) -> None:
    share, other = Share(tmp_path / "users"), await a_user(tmp_path / "users")

    joined = share.try_join()

    assert joined
    assert share.users() == sorted([os.getpid(), other.pid])
    await other.terminate(grace=1)
    share.release()


def test_one_who_leaves_is_the_last_only_if_nobody_else_has_a_share(tmp_path: Path) -> None:
    first, second = Share(tmp_path / "users"), Share(tmp_path / "users")
    assert first.try_join()
    assert second.try_join()

    left = [first.leave(), second.leave()]

    assert left == [False, True]


async def test_nobody_joins_what_the_last_one_takes_away(tmp_path: Path) -> None:
    last, late = Share(tmp_path / "users"), Share(tmp_path / "users")
    assert last.try_join()
    assert last.leave()

    with pytest.raises(LockHeldError, match=rf"is being taken away.*process {os.getpid()}"):
        await late.join(timeout=0)

    last.release()
    assert late.try_join()


async def test_a_killed_user_has_no_share_any_more(tmp_path: Path) -> None:
    user, share = await a_user(tmp_path / "users"), Share(tmp_path / "users")
    used = share.is_used()

    os.kill(user.pid, signal.SIGKILL)
    await user.wait()

    assert used
    assert not share.is_used()


async def test_whoever_waits_for_the_end_of_use_gets_all_of_it_when_the_last_user_goes(
    tmp_path: Path,
) -> None:
    user, share, late = await a_user(tmp_path / "users"), Share(tmp_path / "users"), Share(tmp_path / "users")
    waiting = threading.Thread(target=share.wait_until_unused)
    waiting.start()

    await user.terminate(grace=1)

    await asyncio.to_thread(waiting.join)
    await eventually(lambda: share.is_held)
    assert not late.try_join()


def test_who_has_a_share_is_not_alone_where_somebody_else_has_one_too(tmp_path: Path) -> None:
    ours, other = Share(tmp_path / "users"), Share(tmp_path / "users")
    assert ours.try_join()
    assert other.try_join()

    assert not ours.try_alone()

    assert ours.is_held
    other.release()
    assert not Share(tmp_path / "users").try_alone()
    ours.release()


def test_who_has_the_only_share_can_be_alone_and_then_nobody_joins(tmp_path: Path) -> None:
    ours, other = Share(tmp_path / "users"), Share(tmp_path / "users")
    assert ours.try_join()

    assert ours.try_alone()

    assert not other.try_join()
    ours.release()


def test_who_is_alone_and_joins_lets_others_join(tmp_path: Path) -> None:
    ours, other = Share(tmp_path / "users"), Share(tmp_path / "users")
    assert ours.try_alone()

    assert ours.try_join()

    assert other.try_join()
    assert not Share(tmp_path / "users").try_alone()


def test_who_is_alone_stays_so_when_asked_again(tmp_path: Path) -> None:
    ours, other = Share(tmp_path / "users"), Share(tmp_path / "users")

    assert ours.try_alone()
    assert ours.try_alone()

    assert not other.try_join()
