"""`.ci/run` gives one failed test of the whole run a second attempt, and names it at its end."""

import os
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from kyma_harness.host.process import Completed, run

ROOT = Path(__file__).parents[2]
PLUGINS = (
    "-p",
    "xdist.plugin",
    "-p",
    "pytest_rerunfailures",
    "-p",
    "hack.rerun_once",
    "-p",
    "no:cacheprovider",
)
MAKEFILE = f"""
test: one two
one two:
\t{sys.executable} -m pytest {" ".join(PLUGINS)} $(ARGS) test_$@.py
"""
PASSES = """
    def test_passes():
        pass
"""
UNSTEADY = """
    from pathlib import Path

    def test_unsteady():
        been_here = Path(__file__).with_suffix(".been")
        assert been_here.exists() or been_here.touch()
"""
UNSTEADY_FIXTURE = """
    from pathlib import Path
    import pytest

    @pytest.fixture(scope="session")
    def session():
        yield

    @pytest.fixture
    def unsteady(session):
        yield
        been_here = Path(__file__).with_suffix(".been")
        assert been_here.exists() or been_here.touch()

    def test_cleaned_up(unsteady):
        pass

    def test_of_the_same_session(session):
        pass
"""
TWO_UNSTEADY = """
    from pathlib import Path
    import pytest

    @pytest.mark.parametrize("name", ["one", "other"])
    def test_unsteady(name):
        been_here = Path(__file__).with_suffix(f".{name}")
        assert been_here.exists() or been_here.touch()
"""
FAILS = """
    def test_fails():
        assert False
"""
NAMED = "Run once more, after it had failed, and to be mended: "


def environment(**own: str) -> dict[str, str]:
    """What a run of its own is started with: no plugin comes by itself, for speed."""
    outer = ("PYTEST_", "COV_", "MAKE", "MFLAGS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return inherited | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | own


@pytest.fixture
def ci_run(tmp_path, portal):
    """Run a copy of `.ci/run` over two processes of pytest, of a file each."""

    def call(one: str, two: str, *words: str) -> Completed:
        (tmp_path / ".ci").mkdir()
        shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
        (tmp_path / "Makefile").write_text(MAKEFILE)
        (tmp_path / "test_one.py").write_text(textwrap.dedent(one))
        (tmp_path / "test_two.py").write_text(textwrap.dedent(two))
        own = environment(PYTEST_ADDOPTS=" ".join(words), TMPDIR=str(tmp_path))
        return portal.call(run([tmp_path / ".ci" / "run"], timeout=120, check=False, cwd=Path("/"), env=own))

    return call


def last_line(done: Completed) -> str:
    return done.stdout.splitlines()[-1]


def test_nothing_is_said_where_nothing_was_run_again(ci_run):
    done = ci_run(PASSES, PASSES)

    assert done.returncode == 0, done.stdout
    assert NAMED not in done.stdout


def test_one_that_passes_when_run_again_is_named_last_and_its_first_failure_is_shown(ci_run):
    done = ci_run(PASSES, UNSTEADY)

    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 rerun" in done.stdout
    assert "assert been_here.exists() or been_here.touch()" in done.stdout
    assert last_line(done) == f"{NAMED}test_two.py::test_unsteady"


def test_one_whose_clean_up_failed_is_run_again_as_well(ci_run):
    done = ci_run(UNSTEADY_FIXTURE, PASSES)

    assert done.returncode == 0, done.stdout
    assert last_line(done) == f"{NAMED}test_one.py::test_cleaned_up"


@pytest.mark.parametrize("words", [[], ["-n2"]], ids=["alone", "with workers"])
def test_of_two_in_one_process_the_second_fails_the_run(ci_run, words):
    done = ci_run(PASSES, TWO_UNSTEADY, *words)

    assert done.returncode != 0
    assert "1 failed, 1 passed, 1 rerun" in done.stdout
    assert last_line(done).startswith(f"{NAMED}test_two.py::test_unsteady[")


def test_of_two_in_two_processes_the_second_fails_the_run(ci_run):
    done = ci_run(UNSTEADY, UNSTEADY)

    assert done.returncode != 0
    assert "1 passed, 1 rerun" in done.stdout
    assert "1 failed" in done.stdout
    assert last_line(done) == f"{NAMED}test_one.py::test_unsteady"


def test_one_that_fails_twice_fails_the_run_and_is_named_last(ci_run):
    done = ci_run(FAILS, PASSES)

    assert done.returncode != 0
    assert "1 failed, 1 rerun" in done.stdout
    assert last_line(done) == f"{NAMED}test_one.py::test_fails"


def test_who_runs_the_tests_without_ci_gets_no_second_attempt(portal, tmp_path):
    (tmp_path / "test_it.py").write_text(textwrap.dedent(UNSTEADY))
    argv = [sys.executable, "-m", "pytest", *PLUGINS, "test_it.py"]

    done = portal.call(run(argv, timeout=60, check=False, cwd=tmp_path, env=environment()))

    assert done.returncode == 1
    assert "= 1 failed in " in done.stdout
