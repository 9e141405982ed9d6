"""What cannot be kept of a failed test is said, and the other tests run; in runs of pytest of their own."""

import re
import sys
import textwrap
from types import SimpleNamespace

import pytest
from nested import environment
from observed_objects import an_object

from kyma_harness.evidence.failure import Findings, Incident
from kyma_harness.evidence.folder import lay_down
from kyma_harness.host.process import run
from kyma_harness.kube.logs import ContainerLog

CONFTEST = """
    import pytest

    @pytest.fixture
    def _kyma_harness_observer():
        return None
"""
ODD = """
    from types import SimpleNamespace
    import pytest
    from kyma_harness.pytest.hooks import OBSERVED

    class Portal:
        def call(self, coroutine):
            coroutine.close()
            raise KeyError("metadata")

    @pytest.fixture
    def _kyma_harness_observer(pytestconfig):
        pytestconfig.stash[OBSERVED] = SimpleNamespace(observer=None, portal=Portal(), facts={})
"""
UNSTEADY = """
    import pytest

    attempts = []

    @pytest.fixture
    def _kyma_harness_observer():
        attempts.append("one more")
        if len(attempts) == 1:
            pytest.fail("it was not there yet")
"""
FAILED_SET_UP = """
    import pytest

    @pytest.fixture
    def _kyma_harness_observer(_kyma_harness_salvage):
        _kyma_harness_salvage(None)
        pytest.fail("what kept the cluster from being ready", pytrace=False)
"""
TESTS = """
    def test_that_fails(_kyma_harness_observer):
        assert not "as it should be"

    def test_after_it(_kyma_harness_observer):
        pass

    def test_with_chance(_kyma_harness_observer, fault_seed):
        assert not fault_seed
"""


@pytest.fixture
def suite(portal, tmp_path):
    """Run the tests with a conftest, and give the exit code, what pytest says, and the folder of evidence."""

    def call(*options, conftest=CONFTEST):
        (tmp_path / "conftest.py").write_text(textwrap.dedent(conftest))
        (tmp_path / "test_it.py").write_text(textwrap.dedent(TESTS))
        plain = ["-p", "no:cacheprovider", "-p", "no:randomly", f"--rootdir={tmp_path}"]
        argv = [sys.executable, "-m", "pytest", *plain, *options, "test_it.py"]
        done = portal.call(run(argv, timeout=120, check=False, cwd=tmp_path, env=environment()))
        return SimpleNamespace(
            code=done.returncode, output=done.stdout, evidence=tmp_path / ".harness-evidence"
        )

    return call


def test_where_no_evidence_can_be_written_the_reason_is_said_and_the_other_tests_run(suite, tmp_path):
    (tmp_path / "occupied").write_text("a file, where a folder is wanted")

    ended = suite("--harness-evidence=occupied")

    assert ended.code == 1, ended.output
    assert "2 failed, 1 passed" in ended.output
    assert re.search(r"evidence could not be kept: \w+Error: .*occupied", ended.output)
    assert "run it again: cd " in ended.output


def test_where_a_cluster_gives_odd_answers_the_other_tests_run(suite):
    ended = suite(conftest=ODD)

    assert ended.code == 1, ended.output
    assert "2 failed, 1 passed" in ended.output
    assert "evidence could not be kept: KeyError: 'metadata'" in ended.output


def test_a_cluster_that_cannot_be_looked_into_does_not_hide_why_its_set_up_failed(suite):
    ended = suite("-k", "fails", conftest=FAILED_SET_UP)

    (folder,) = ended.evidence.glob("test_that_fails-*")
    assert "what kept the cluster from being ready" in (folder / "failure.txt").read_text()
    assert "the cluster could not be looked into: AttributeError" in (folder / "problems.txt").read_text()


def test_a_report_that_cannot_be_written_takes_nothing_else_away(suite, tmp_path):
    (tmp_path / ".harness-evidence" / "report.html").mkdir(parents=True)

    ended = suite()

    assert ended.code == 1, ended.output
    assert "2 failed, 1 passed" in ended.output
    assert "report: it could not be written: IsADirectoryError" in ended.output


def test_what_failed_and_then_passed_keeps_its_evidence_and_is_no_plain_pass(suite):
    ended = suite("--reruns=1", "-k", "after", conftest=UNSTEADY)

    (folder,) = ended.evidence.glob("test_after_it-*")
    assert ended.code == 0, ended.output
    assert "1 passed, 2 deselected, 1 rerun" in ended.output
    assert "it was not there yet" in (folder / "failure.txt").read_text()
    assert "1 passed only when run again" in (ended.evidence / "report.html").read_text()


def test_the_command_that_runs_a_test_again_has_its_seed(suite):
    ended = suite("-k", "chance")

    (file,) = ended.evidence.glob("test_with_chance-*/rerun.sh")
    (seed,) = set(re.findall(r"KYMA_HARNESS_SEED=(\d+)", ended.output))
    assert f"KYMA_HARNESS_SEED={seed} " in file.read_text()


def test_names_too_long_for_a_file_are_cut_and_stay_apart(tmp_path):
    long = "n" * 250
    findings = Findings(
        objects=[an_object(name=f"{long}-{end}", namespace="shop") for end in ("a", "b")],
        logs=[ContainerLog(namespace="shop", pod=long, container=end, text=end) for end in ("a", "b")],
    )
    incident = Incident(
        test="test_it",
        phase="call",
        started=0.0,
        phase_started=0.0,
        ended=1.0,
        message="",
        cause="",
        command="",
    )

    folder = lay_down(tmp_path, incident, findings)

    assert len(list(folder.glob("objects/ConfigMap/shop_nnn*.yaml"))) == 2
    assert sorted(file.read_text() for file in folder.glob("logs/shop_nnn*.log")) == ["a", "b"]
