"""A process is stopped, and nobody else waits for that."""

import asyncio
import os
import threading
from types import SimpleNamespace

import pytest
from eventually import eventually

from kyma_harness.faults import components
from kyma_harness.faults.components import NoSuchProcessError, Signals
from kyma_harness.host.pinned_process import is_stopped
from kyma_harness.host.process import spawn


@pytest.fixture
def signals(tmp_path):
    return Signals(SimpleNamespace(pid=os.getpid(), state=tmp_path))


@pytest.fixture
async def child(tmp_path):
    started = await spawn(["sleep", "600"], name="sleep", env=dict(os.environ), stdout=tmp_path / "log")
    yield started
    await started.terminate(grace=1)


async def test_while_a_process_is_being_stopped_the_event_loop_goes_on(signals, child, monkeypatch):
    stopped, looked = threading.Event(), threading.Event()

    def look(_pid):
        looked.set()
        return stopped.is_set()

    monkeypatch.setattr(components, "is_stopped", look)
    was_held = asyncio.Event()

    async def hold():
        async with signals.held(child.pid):
            was_held.set()

    holding = asyncio.create_task(hold())
    await eventually(looked.is_set)
    was_early = was_held.is_set()
    stopped.set()
    await holding

    assert not was_early
    assert was_held.is_set()


async def test_a_process_that_is_held_is_stopped_and_goes_on_afterwards(signals, child):
    async with signals.held(child.pid):
        stopped = is_stopped(child.pid)

    assert stopped
    await eventually(lambda: not is_stopped(child.pid))


async def test_a_process_goes_on_where_the_one_who_waits_is_cancelled(signals, child, monkeypatch):
    looked = threading.Event()
    over = threading.Event()

    def look(_pid):
        looked.set()
        return over.is_set()

    monkeypatch.setattr(components, "is_stopped", look)

    async def hold():
        async with signals.held(child.pid):
            pytest.fail("it was not stopped yet")

    holding = asyncio.create_task(hold())
    await eventually(looked.is_set)
    holding.cancel()
    over.set()

    with pytest.raises(asyncio.CancelledError):
        await holding
    await eventually(lambda: not is_stopped(child.pid))


async def test_what_has_ended_already_is_named(signals):
    with pytest.raises(NoSuchProcessError, match="process 99999999 has ended already"):
        async with signals.held(99999999):
            pytest.fail("nobody is there")
