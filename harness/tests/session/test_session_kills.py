"""Whoever is killed, soon there is nothing that nobody owns."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from eventually import eventually
from sessions import REMOVAL_SECONDS, Session, a_session, nothing_remains, remains

from kyma_harness.host.descendants import marked

pytestmark = pytest.mark.timeout(1200)
SECONDS = 200
"""How long a session may take on a busy machine to come to where it is awaited."""
Blow = Callable[[Session], None]


def kill_pytest(session: Session) -> None:
    os.kill(session.child.pid, signal.SIGKILL)


def kill_supervisor(session: Session) -> None:
    os.kill(session.supervisor(), signal.SIGKILL)


def kill_both(session: Session) -> None:
    supervisor = session.supervisor()
    os.kill(session.child.pid, signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)


def press_ctrl_c(session: Session) -> None:
    session.child.signal(signal.SIGINT)  # to the whole group, as a terminal does


def press_ctrl_c_twice(session: Session) -> None:
    press_ctrl_c(session)
    press_ctrl_c(session)


ENDING = [
    pytest.param(kill_pytest, id="pytest is killed"),
    pytest.param(kill_both, id="pytest and supervisor are killed"),
    pytest.param(press_ctrl_c, id="Ctrl-C", marks=pytest.mark.long),
    pytest.param(press_ctrl_c_twice, id="Ctrl-C twice", marks=pytest.mark.long),
]


@pytest.mark.parametrize("blow", ENDING)
async def test_nothing_is_left_of_a_session_that_runs(tmp_path: Path, blow: Blow) -> None:
    async with a_session(tmp_path, "test_endless.py") as session:
        await session.until_endless()

        blow(session)

        await nothing_remains(tmp_path)


@pytest.mark.parametrize("blow", ENDING)
async def test_nothing_is_left_of_a_session_whose_cluster_starts(tmp_path: Path, blow: Blow) -> None:
    async with a_session(tmp_path, "test_endless.py") as session:
        await eventually(session.is_starting, within=SECONDS)

        blow(session)

        await nothing_remains(tmp_path)


@pytest.mark.parametrize("blow", ENDING)
@pytest.mark.long
async def test_nothing_is_left_of_a_session_with_workers(tmp_path: Path, blow: Blow) -> None:
    async with a_session(tmp_path, "-n2", "test_endless.py", "test_one.py") as session:
        await session.until_endless()

        blow(session)

        await nothing_remains(tmp_path)


async def test_when_the_supervisor_is_killed_its_processes_go_and_its_folder_goes_with_the_session(
    tmp_path: Path,
) -> None:
    async with a_session(tmp_path, "test_endless.py") as session:
        await session.until_endless()
        (cluster,) = session.clusters()

        kill_supervisor(session)

        await eventually(lambda: not marked(str(cluster.root)), within=REMOVAL_SECONDS)
        assert session.child.returncode is None
        press_ctrl_c(session)
        await nothing_remains(tmp_path)


async def test_when_a_worker_is_killed_the_one_in_its_place_goes_on_with_the_cluster(tmp_path: Path) -> None:
    async with a_session(tmp_path, "-n2", "--dist=loadfile", "test_endless.py", "test_waiting.py") as session:
        await session.until_endless()
        await eventually(lambda: "waiting.here" in session.met, within=SECONDS)

        os.kill(session.endless(), signal.SIGKILL)
        # xdist tries once more
        await eventually(lambda: len(session.met_with(".endless")) == 2, within=SECONDS)
        (tmp_path / "meeting" / "go on.here").touch()

        assert await session.end() == 1
        assert "1 failed, 2 passed" in session.output
        assert len(session.met_with(".cluster")) == 1
        assert remains(tmp_path) == []
