import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sessions import processes_about

collect_ignore = ["suite"]


@pytest.fixture(autouse=True)
def nothing_outlives_a_test(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in processes_about(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
