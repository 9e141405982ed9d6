"""Tests of one cluster take turns: who waits says so, is not overtaken for ever, and gives up in the end."""

import os
import sys
import textwrap
import threading

import pytest
from eventually import eventually

from kyma_harness.fixtures.turns import Turns
from kyma_harness.host.errors import LockHeldError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.process import run

CONFTEST = """
    import pytest
    from kyma_harness.fixtures import turns

    turns.Turns.__init__.__kwdefaults__.update(notice=0.2, limit=1.0)

    @pytest.fixture
    def _kyma_harness_kyma(kyma_harness_settings):
        return None
"""
TESTS = """
    def test_with_the_kyma(kyma):
        pass

    def test_without_it():
        pass
"""


@pytest.fixture
def said():
    return []


@pytest.fixture
def turns(tmp_path, said):
    return Turns(tmp_path, "test", say=said.append, notice=0.2, limit=1)


def test_who_waits_for_the_kyma_says_behind_whom_and_gives_up(turns, said):
    with (
        turns.with_kyma("test_one"),
        pytest.raises(LockHeldError, match=rf"which process {os.getpid()} \(test_one\) has kept it from"),
        turns.with_kyma("test_two"),
    ):
        pass

    assert said == [f"waiting for the Kyma in cluster test, behind process {os.getpid()} (test_one)"]


def test_who_is_to_be_alone_waits_for_those_who_are_there(turns, said):
    with (
        turns.beside_others("test_one"),
        pytest.raises(LockHeldError, match=rf"waits to be alone .* tests of process {os.getpid()} has kept"),
        turns.beside_others("test_two", alone=True),
    ):
        pass

    with turns.beside_others("test_two", alone=True):
        assert said == [f"waiting to be alone in cluster test, behind tests of process {os.getpid()}"]


def test_who_comes_while_one_is_alone_is_told_its_name(turns, said):
    with (
        turns.beside_others("test_one", alone=True),
        pytest.raises(LockHeldError, match=r"\(test_one\)"),
        turns.beside_others("test_two"),
    ):
        pass


async def test_who_waits_to_be_alone_is_overtaken_by_nobody(tmp_path):
    came, patient = [], Turns(tmp_path, "test")
    door, leave = FileLock(tmp_path / "test.door"), threading.Event()

    def come(name, *, alone=False):
        with patient.beside_others(name, alone=alone):
            came.append(name)

    def stay():
        with patient.beside_others("first"):
            came.append("first")
            leave.wait(60)

    def start(work, *arguments, **options):
        thread = threading.Thread(target=work, args=arguments, kwargs=options)
        thread.start()
        return thread

    first = start(stay)
    await eventually(lambda: came == ["first"])
    alone = start(come, "alone", alone=True)
    await eventually(lambda: (holder := door.holder()) and holder.purpose == "alone")
    others = [start(come, f"late {number}") for number in range(3)]
    leave.set()
    for thread in (first, alone, *others):
        thread.join(60)

    assert came[:2] == ["first", "alone"]
    assert sorted(came[2:]) == ["late 0", "late 1", "late 2"]


async def test_a_test_whose_turn_does_not_come_fails_and_the_others_run(tmp_path):
    (tmp_path / "conftest.py").write_text(textwrap.dedent(CONFTEST))
    (tmp_path / "test_it.py").write_text(textwrap.dedent(TESTS))
    lock = FileLock(tmp_path / "state" / "turns" / "shared.kyma", purpose="test_of_another_session")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**inherited, "KYMA_HARNESS_STATE": str(tmp_path / "state")}
    plain = ["-p", "no:cacheprovider", "-p", "no:randomly", f"--rootdir={tmp_path}"]
    argv = [sys.executable, "-m", "pytest", *plain, "--harness-cluster=shared", "test_it.py"]

    with lock:
        done = await run(argv, timeout=120, check=False, cwd=tmp_path, env=environment)

    assert done.returncode == 1, done.stdout
    assert "1 passed, 1 error" in done.stdout
    assert f"waiting for the Kyma in cluster shared, behind process {os.getpid()} (test_of_ano" in done.stdout
    assert "the turn of this test has not come" in done.stdout
