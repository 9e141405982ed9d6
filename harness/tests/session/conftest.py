from collections.abc import Iterator
from pathlib import Path

import pytest
from sessions import end_processes_about

collect_ignore = ["suite"]


@pytest.fixture(autouse=True)
def nothing_outlives_a_test(tmp_path: Path) -> Iterator[None]:
    yield
    end_processes_about(tmp_path)
