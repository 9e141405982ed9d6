"""What is read of processes that are not ours."""

import signal
import subprocess
import sys

import pytest

from kyma_harness.host.pinned_process import is_stopped
from kyma_harness.wait.eventually import eventually

THREADS = """
import threading, time
for _ in range(8):
    threading.Thread(target=time.sleep, args=(600,)).start()
"""


@pytest.fixture
def sleeper():
    with subprocess.Popen([sys.executable, "-c", THREADS]) as process:
        yield process
        process.kill()


def test_a_process_is_stopped_when_every_thread_of_it_is(sleeper):
    at_first = is_stopped(sleeper.pid)

    sleeper.send_signal(signal.SIGSTOP)
    eventually(lambda: is_stopped(sleeper.pid), "it stops", within=60)
    sleeper.send_signal(signal.SIGCONT)
    eventually(lambda: not is_stopped(sleeper.pid), "it goes on", within=60)

    assert not at_first


def test_a_process_that_has_ended_goes_on_no_more(sleeper):
    sleeper.kill()
    eventually(lambda: is_stopped(sleeper.pid), "it ends", within=60)
    sleeper.wait()

    assert is_stopped(sleeper.pid)
