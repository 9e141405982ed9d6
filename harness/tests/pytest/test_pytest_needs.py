"""A test that needs what the provider lacks is skipped with the reason, in a run of pytest of its own."""

import sys
import textwrap

import pytest
from nested import environment

from kyma_harness.host.process import run

CONFTEST = """
    from types import SimpleNamespace
    import pytest
    from kyma_harness.clusters.embedded import EmbeddedProvider

    @pytest.fixture(scope="session")
    def _kyma_harness_testbed(kyma_harness_settings):
        return SimpleNamespace(provider=EmbeddedProvider)
"""
TESTS = """
    import pytest

    @pytest.mark.needs("process-node")
    def test_what_it_has():
        pass

    @pytest.mark.needs("process-node")
    @pytest.mark.needs("containers", "pod-network")
    def test_what_it_lacks():
        pass

    @pytest.mark.needs("container")
    def test_what_nobody_has(testbed):
        pass

    @pytest.mark.needs("docker", 7)
    def test_with_a_marker_of_the_project_s_own():
        pass
"""


@pytest.fixture(scope="module")
def report(portal, tmp_path_factory):
    """What pytest says of three tests that need something of the embedded provider."""
    folder = tmp_path_factory.mktemp("needs")
    (folder / "conftest.py").write_text(textwrap.dedent(CONFTEST))
    (folder / "test_needs.py").write_text(textwrap.dedent(TESTS))
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "--strict-markers", folder]
    return portal.call(run(command, timeout=120, check=False, cwd=folder, env=environment())).stdout


def test_with_the_capability_it_runs(report):
    assert "PASSED test_needs.py::test_what_it_has" in report


def test_without_it_is_skipped_and_the_reason_names_provider_and_capabilities(report):
    assert "provider embedded has no containers, pod-network" in report


def test_a_marker_of_the_same_name_is_the_project_s_where_the_test_has_no_fixture_of_ours(report):
    assert "PASSED test_needs.py::test_with_a_marker_of_the_project_s_own" in report


def test_a_capability_that_there_is_not_is_an_error_and_never_a_skip(report):
    assert "ERROR test_needs.py::test_what_nobody_has" in report
    assert "no provider ever has container, known are containers, pod-network, process-node" in report
