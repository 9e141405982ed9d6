"""What was stopped goes on when whoever stopped it is no more, and nobody else's process does."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from eventually import eventually

from kyma_harness.embedded.layout import Layout
from kyma_harness.embedded.repairs import Repair, Repairs
from kyma_harness.host.pinned_process import is_stopped

SLEEP = "import time; time.sleep(600)"
BY_ANOTHER = f"""
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True) as child:
    print(child.pid, flush=True)
"""


@pytest.fixture
def repairs(tmp_path):
    return Repairs(Layout.at(tmp_path))


@asynccontextmanager
async def kept(repairs):
    """Have the repairs done while the block runs, as the supervisor does, which here is the test."""
    keeping = asyncio.create_task(repairs.keep())
    try:
        yield
    finally:
        keeping.cancel()


async def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    await eventually(lambda: is_stopped(pid))


@pytest.fixture
def child():
    """A child of ours, who are the supervisor here."""
    with subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def another_s():
    """A child of somebody else."""
    with subprocess.Popen([sys.executable, "-c", BY_ANOTHER], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        yield pid
        os.kill(pid, signal.SIGKILL)


async def test_a_child_of_the_supervisor_goes_on_when_its_promise_is_held_no_more(repairs, child):
    await stop(child)
    with repairs.promised(Repair(process=child)):
        pass

    async with kept(repairs):
        await eventually(lambda: not is_stopped(child))


async def test_a_process_that_has_the_id_by_now_and_is_another_s_is_left_alone(repairs, another_s):
    await stop(another_s)
    with repairs.promised(Repair(process=another_s)) as promise:
        file = promise.path

    async with kept(repairs):
        await eventually(lambda: not file.exists())

    assert is_stopped(another_s)
