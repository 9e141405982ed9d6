"""Tests of one cluster take turns: who waits says so, is not overtaken for ever, and gives up in the end."""

import os
import sys
import textwrap
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from eventually import eventually
from nested import environment

from kyma_harness.host.errors import LockHeldError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.process import run
from kyma_harness.pytest.exclusive import Turns, take_turn
from kyma_harness.pytest.hooks import TURN, Wanted

CONFTEST = """
    import pytest
    from kyma_harness.pytest import exclusive

    exclusive.Turns.__init__.__kwdefaults__.update(notice=0.2, limit=1.0)

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


async def a_session(folder, tests, conftest, *, held):
    """Run tests of a cluster while somebody else holds a lock of it, and return what pytest says."""
    (folder / "conftest.py").write_text(textwrap.dedent(conftest))
    (folder / "test_it.py").write_text(textwrap.dedent(tests))
    lock = FileLock(folder / "state" / "turns" / held, purpose="test_of_another_session")
    own = environment(KYMA_HARNESS_STATE=str(folder / "state"))
    plain = ["-p", "no:cacheprovider", "-p", "no:randomly", "-rA", f"--rootdir={folder}"]
    argv = [sys.executable, "-m", "pytest", *plain, "--harness-cluster=shared", "test_it.py"]
    with lock:
        return (await run(argv, timeout=120, check=False, cwd=folder, env=own)).stdout


async def test_a_test_whose_turn_does_not_come_fails_and_the_others_run(tmp_path):
    said = await a_session(tmp_path, TESTS, CONFTEST, held="shared.kyma")

    assert "1 passed, 1 error" in said
    assert f"waiting for the Kyma in cluster shared, behind process {os.getpid()} (test_of_ano" in said
    assert "the turn of this test has not come" in said


DYNAMIC = """
    import pytest

    def test_by_name(request):
        request.getfixturevalue("{name}")

    def test_by_name_in_an_inner_function(request):
        def inner():
            return [request.getfixturevalue(one) for one in ("{name}", "tmp_path")]
        inner()

    @pytest.fixture
    def of_the_project(request):
        return request.getfixturevalue("{name}")

    def test_by_a_fixture_of_the_project(of_the_project):
        pass

    @pytest.mark.parametrize("name", ["{name}"])
    def test_by_a_parameter(request, name):
        request.getfixturevalue(name)

    def test_of_another_fixture(request):
        request.getfixturevalue("tmp_path")

    def test_with_the_word_alone():
        assert "{name}"
"""


@pytest.mark.parametrize(
    ("name", "held"),
    [("kyma", "shared.kyma"), ("api", "shared.door"), ("faults", "shared.door"), ("timeline", "shared.door")],
)
async def test_what_a_test_names_while_it_runs_is_waited_for_before_it_begins(tmp_path, name, held):
    said = await a_session(tmp_path, DYNAMIC.format(name=name), CONFTEST, held=held)

    assert "2 passed, 4 errors" in said, said
    assert said.count("ERROR test_it.py::test_by_") == 4


UNFORESEEN = """
    def test_that_nobody_could_foresee(request):
        request.getfixturevalue("".join(["ky", "ma"]))
"""
WITHOUT_A_CLUSTER = """
    import pytest
    from kyma_harness.pytest import exclusive

    exclusive.Turns.__init__.__kwdefaults__.update(notice=0.2, limit=1.0)

    @pytest.fixture(scope="session")
    def _kyma_harness_testbed(kyma_harness_settings):
        return None

    @pytest.fixture(scope="session")
    def _kyma_harness_client(_kyma_harness_testbed):
        return None

    @pytest.fixture(scope="session")
    def _kyma_harness_observer(_kyma_harness_client):
        return None
"""


async def test_what_nobody_could_foresee_is_waited_for_where_it_is_asked_for(tmp_path):
    said = await a_session(tmp_path, UNFORESEEN, WITHOUT_A_CLUSTER, held="shared.kyma")

    assert "1 failed" in said
    assert "the turn of this test has not come" in said


NEEDS = """
    import pytest

    @pytest.mark.needs("process-node")
    def test_of_what_a_provider_has():
        pass
"""


async def test_a_test_that_needs_a_capability_takes_its_turn(tmp_path):
    said = await a_session(tmp_path, NEEDS, CONFTEST, held="shared.door")

    assert "1 error" in said
    assert "the turn of this test has not come" in said


def test_who_asks_for_more_gives_back_what_it_has_before_it_waits(tmp_path):
    """Else the one who is to be alone would wait for it, and it for the one who is to be alone."""
    item, patient = SimpleNamespace(stash=pytest.Stash(), nodeid="test_it"), Turns(tmp_path, "test", limit=60)
    item.stash[TURN], item.config = ExitStack(), None
    came = list[str]()

    def be_alone():
        with patient.beside_others("alone", alone=True):
            came.append("alone")

    waiting = threading.Thread(target=be_alone)
    assert take_turn(item, Wanted(cluster=True), patient) == ""
    waiting.start()
    _until(lambda: FileLock(tmp_path / "test.door").holder())
    assert take_turn(item, Wanted(cluster=True, kyma=True), patient) == ""
    came.append("with the Kyma")
    waiting.join(60)

    assert came == ["alone", "with the Kyma"]
    item.stash[TURN].close()


def _until(claim):
    deadline = time.monotonic() + 60
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)
