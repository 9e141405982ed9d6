"""Tests that share a cluster run in one worker, and it goes when that worker is done with them."""

import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from nested import environment

from hack.lanes import LANES, lane_of, place_of, pytest_collection_modifyitems
from kyma_harness.host.process import run

ROOT = Path(__file__).parents[2]
SHARED = """
    import os
    from pathlib import Path
    import pytest

    @pytest.fixture(scope="package")
    def cluster():
        log = Path("log").open("a", buffering=1)
        log.write("started\\n")
        yield
        log.write("stopped\\n")
        log.close()
"""
OF_THE_CLUSTER = """
    import pytest

    @pytest.mark.parametrize("number", range(5))
    def test_of_the_cluster(cluster, number):
        pass
"""
AFTERWARDS = """
    from pathlib import Path

    def test_elsewhere():
        assert Path("log").read_text() == "started\\nstopped\\n"
"""


@pytest.fixture
def project(tmp_path):
    lane = tmp_path / "harness" / "tests" / "wait"
    for file, content in (
        (tmp_path / "pytest.ini", "[pytest]\n"),
        (lane / "conftest.py", SHARED),
        (lane / "test_wait_one.py", OF_THE_CLUSTER),
        (lane / "test_wait_two.py", OF_THE_CLUSTER),
        (tmp_path / "harness" / "tests" / "host" / "test_elsewhere.py", AFTERWARDS),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(content))
    return tmp_path


@pytest.fixture
def run_in(portal, project):
    def call(*words: str) -> str:
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
        own = environment("hack.lanes", PYTHONPATH=str(ROOT))
        return portal.call(run(argv, timeout=120, check=False, cwd=project, env=own)).stdout

    return call


def test_each_lane_has_tests():
    here = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/tests/**/test_*.py")]
    prefixes = [prefix for lane in LANES for prefix in lane]

    assert [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in here)] == []


@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane[0])
def test_all_of_a_lane_are_one(lane):
    tests = [f"{prefix}x/test_it.py::test_it" for prefix in lane]

    assert len({lane_of(test) for test in tests}) == 1
    assert {place_of(test) for test in tests} == {LANES.index(lane)}


def test_what_is_in_no_lane_is_one_by_the_file_and_comes_last():
    one, same, other = "a/test_one.py::test_x", "a/test_one.py::TestX::test_x[1::2]", "a/test_two.py::test_x"

    assert lane_of(one) == lane_of(same) != lane_of(other)
    assert place_of(one) == place_of(other) == len(LANES)


def test_two_workers_start_the_cluster_of_a_lane_once(run_in, project):
    said = run_in("-n2", "harness/tests/wait")

    assert "10 passed" in said
    assert (project / "log").read_text() == "started\nstopped\n"


def test_without_workers_it_goes_before_the_tests_of_another_folder_begin(run_in):
    said = run_in("harness/tests/host", "harness/tests/wait/test_wait_two.py", "harness/tests/wait")

    assert "11 passed" in said


def test_folders_of_a_lane_are_not_mixed():
    one, other = ("harness/tests/faults/test_faults_x.py", "harness/tests/clusters/test_clusters_x.py")
    files = [one, other, one, "a/test_x.py", other]
    items = [SimpleNamespace(nodeid=f"{file}::test_{n}", path=Path(file)) for n, file in enumerate(files)]

    pytest_collection_modifyitems(items)

    assert [item.nodeid.rpartition("_")[2] for item in items] == ["0", "2", "1", "4", "3"]
