"""One at a time makes a cluster or takes it away."""

import asyncio
import os
from pathlib import Path

import pytest

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.session.lifetime import bring_down, making, making_lock, take_away
from kyma_harness.session.options import Settings, from_environment
from kyma_harness.session.record import Record
from kyma_harness.toolchain.toolchain import ToolPaths


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a cluster of which a folder is there."""
    found = from_environment({}, state=tmp_path / "state")
    Layout(found.cluster_state).create()
    return found


async def test_who_takes_a_cluster_away_to_make_it_anew_still_has_it_alone(settings: Settings) -> None:
    async with making(settings):
        removed = await take_away(settings)

        assert removed
        assert not settings.cluster_state.exists()
        assert not making_lock(settings).try_acquire()


async def test_who_is_done_leaves_no_lock_behind(settings: Settings) -> None:
    async with making(settings):
        await take_away(settings)

    settings.forget_empty_folders()

    assert not settings.state.exists()


async def test_a_cluster_that_somebody_makes_is_brought_down_when_it_is_made(settings: Settings) -> None:
    async with making(settings):
        told = list[str]()
        ending = asyncio.create_task(bring_down(settings, told.append))
        await asyncio.wait([ending], timeout=1)

        was_waiting, was_there = not ending.done(), settings.cluster_state.exists()

    assert await ending
    assert was_waiting
    assert told == [f"waiting for process {os.getpid()} (making or leaving cluster kyma)"]
    assert was_there
    assert not settings.cluster_state.exists()


async def test_who_waits_for_a_cluster_that_was_brought_down_is_not_waited_for(
    settings: Settings, tools: ToolPaths
) -> None:
    async with making(settings):
        await EmbeddedCluster.start(
            name=settings.cluster, state=settings.cluster_state, tools=tools, detached=True
        )

        found = await asyncio.wait_for(bring_down(settings), timeout=60)

        assert found
        assert not settings.cluster_state.exists()


def test_a_start_that_failed_does_not_drop_what_another_has_recorded(settings: Settings) -> None:
    lost = Record.of(settings, provider="embedded", kyma="real", fingerprint={})
    lost.write(settings)
    won = Record.of(settings, provider="embedded", kyma="real", fingerprint={})
    won.write(settings)

    lost.forget(settings)

    assert Record.read(settings) == won
    won.forget(settings)
    assert Record.read(settings) is None
