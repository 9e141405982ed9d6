"""Several clusters at once, as several sessions of one user make them."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from eventually import eventually
from sessions import Session, a_session, remains

pytestmark = pytest.mark.timeout(1200)
SCENARIOS = Path(__file__).parents[3] / "scenarios"
SECONDS = 1200


async def test_two_sessions_at_once_have_a_cluster_each_and_do_not_touch_each_other(tmp_path: Path) -> None:
    run = ("test_waiting.py", "test_one.py", "-k", "not beside")
    async with AsyncExitStack() as running:
        sessions = [
            await running.enter_async_context(a_session(tmp_path / name, *run, home=tmp_path))
            for name in ("first", "second")
        ]
        await eventually(lambda: all("waiting.here" in session.met for session in sessions), within=360)
        for session in sessions:
            (session.folder / "meeting" / "go on.here").touch()

        codes = await asyncio.gather(*(session.end() for session in sessions))

        assert codes == [0, 0], _outputs(sessions)
        first, second = (session.met_with(".cluster") for session in sessions)
        assert len(first) == len(second) == 1
        assert first != second
        assert remains(tmp_path) == []


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 60)
async def test_the_scenarios_pass_on_three_clusters_side_by_side(tmp_path: Path) -> None:
    files = [str(SCENARIOS / name) for name in ("test_add_remove.py", "test_backend_switch.py")]
    async with AsyncExitStack() as running:
        sessions = [
            await running.enter_async_context(a_session(tmp_path / name, *files, home=tmp_path))
            for name in ("first", "second", "third")
        ]

        codes = await asyncio.gather(*(session.end(within=SECONDS) for session in sessions))

        assert codes == [0, 0, 0], _outputs(sessions)
        assert remains(tmp_path) == []


def _outputs(sessions: list[Session]) -> str:
    return "\n".join(session.output for session in sessions)
