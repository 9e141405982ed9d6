"""A failed test can be run again as it ran, wherever that was; in runs of pytest of their own."""

import os
import sys
import textwrap
from pathlib import Path

import pytest
from nested import environment

from kyma_harness.host.process import run
from kyma_harness.pytest.evidence import options_of

CONFTEST = """
    import pytest
    from kyma_harness.session.options import Settings

    @pytest.fixture(scope="session")
    def _kyma_harness_observer(kyma_harness_settings: Settings):
        return kyma_harness_settings
"""
TESTS = """
    import pytest

    @pytest.mark.parametrize("name", ["a [b] c"])
    def test_that_fails(observer, name, monkeypatch):
        assert not f"the module is {observer.module}, the managers are in {observer.kyma_dist}"
"""


@pytest.fixture
def project(tmp_path):
    """A project whose tests and module lie beside one another, and whose root is above both."""
    for name, content in (
        ("pyproject.toml", "[tool.pytest.ini_options]\n"),
        ("mod/module.yaml", "the module"),
        ("suite/conftest.py", CONFTEST),
        ("suite/inner/test_it.py", TESTS),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(content))
    return tmp_path


@pytest.fixture
def pytest_in(portal, project):
    def call(folder, *words, by=("-m", "pytest"), **own):
        environ = environment(KYMA_HARNESS_STATE=str(project / "state"), **own)
        argv = [sys.executable, *by, "-p", "no:cacheprovider", *words]
        portal.call(run(argv, timeout=120, check=False, cwd=project / folder, env=environ))
        (script,) = project.rglob("rerun.sh")
        return script

    return call


RUNS = {
    "below": ("suite", ["--harness-module", "../mod/module.yaml"]),
    "with a folder": ("suite", ["--harness-module=../mod/module.yaml", "inner"]),
    "at the root": (".", ["--harness-module", "mod/module.yaml", "suite/inner/test_it.py"]),
    "in a worker": ("suite", ["--harness-module", "../mod/module.yaml", "-n1"]),
    "from beside": ("mod", ["--harness-module", "module.yaml", "../suite", "--rootdir", ".."]),
}


@pytest.mark.parametrize(("folder", "words"), RUNS.values(), ids=RUNS)
def test_it_is_run_again_with_what_it_was_given(pytest_in, portal, project, folder, words):
    dist = os.path.relpath(project / "mod", project / folder)
    script = pytest_in(folder, *words, KYMA_DIST=dist)

    again = portal.call(run(["sh", script], timeout=120, check=False, cwd=Path("/"))).stdout

    assert f"the module is {project}/mod/module.yaml, the managers are in {project}/mod" in again, again
    assert "test_that_fails[a [b] c]" in again
    assert "1 failed" in again


def test_it_is_run_as_a_module_where_it_was_one(pytest_in):
    assert " -P " not in pytest_in("suite").read_text()


def test_it_is_run_without_the_current_folder_on_its_path_where_it_was_a_program(pytest_in):
    program = str(Path(sys.executable).with_name("pytest"))

    assert " -P -m pytest " in pytest_in("suite", by=(program,)).read_text()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], []),
        (["suite", "-k", "name", "-x", "-q"], []),
        (["--kyma", "builtin", "suite"], ["--kyma", "builtin"]),
        (["--kyma=builtin", "suite"], ["--kyma=builtin"]),
        (["--harness-keep", "suite"], ["--harness-keep"]),
        (["-c", "other.ini", "-p", "no:x", "-pno:y"], ["-c", "other.ini", "-p", "no:x", "-pno:y"]),
        (["-o", "a=b", "--override-ini=c=d"], ["-o", "a=b", "--override-ini=c=d"]),
        (["--import-mode", "importlib", "-rA"], ["--import-mode", "importlib"]),
        (["--kyma-dist", "../dist"], ["--kyma-dist", "../dist"]),
    ],
)
def test_what_decides_how_a_test_runs_is_kept(given, kept):
    assert options_of(given) == kept
