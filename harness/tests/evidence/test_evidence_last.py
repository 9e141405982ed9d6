"""The last test of a session leaves the same evidence as any other; in runs of pytest of their own."""

import re
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from nested import environment

from kyma_harness.host.process import run

CONFTEST = """
    import sys
    sys.path.append({tests!r})
    import pytest
    from kyma_harness.host.blocking import Portal
    from kyma_harness.pytest.observing import Surroundings
    from stored import StoredCluster, an_object

    cluster = StoredCluster(an_object("ConfigMap", "lamp", "shop"))

    @pytest.fixture(scope="session")
    def _kyma_harness_client(_kyma_harness_portal):
        yield cluster
        cluster.objects.clear()

    @pytest.fixture(scope="session")
    def kyma_harness_surroundings():
        return Surroundings()

    @pytest.fixture(scope="{scope}")
    def unclean(api):
        yield
        {cleaning}

    @pytest.fixture(scope="session")
    def unclean_session():
        yield
        raise KeyError("of the session")
"""
TESTS = """
    class TestIt:
        def test_before(self, api):
            pass

        def test_last(self, unclean{more}):
            pass
"""


@pytest.fixture
def suite(portal, tmp_path):
    def call(*options, scope="function", cleaning='raise ValueError("it does not go")', more=""):
        tests = str(Path(__file__).parents[1])
        conftest = textwrap.dedent(CONFTEST).format(tests=tests, scope=scope, cleaning=cleaning)
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_it.py").write_text(textwrap.dedent(TESTS).format(more=more))
        plain = ["-p", "no:cacheprovider", "-p", "no:randomly", "-rA", f"--rootdir={tmp_path}"]
        argv = [sys.executable, "-m", "pytest", *plain, *options, "test_it.py"]
        environ = environment(KYMA_HARNESS_STATE=str(tmp_path / "state"))
        done = portal.call(run(argv, timeout=120, check=False, cwd=tmp_path, env=environ))
        folders = list((tmp_path / ".harness-evidence").glob("*test_last-*"))
        return SimpleNamespace(code=done.returncode, output=done.stdout, folders=folders)

    return call


@pytest.mark.parametrize("scope", ["function", "class", "module"])
@pytest.mark.parametrize("options", [(), ("-k", "last")], ids=["after another", "alone"])
def test_a_clean_up_that_fails_leaves_the_cluster_as_it_was_then(suite, scope, options):
    ended = suite(*options, scope=scope)

    (folder,) = ended.folders
    assert (folder / "objects" / "ConfigMap" / "shop_lamp.yaml").is_file(), ended.output
    assert not (folder / "problems.txt").exists()
    assert "ValueError: it does not go" in (folder / "failure.txt").read_text()
    assert "ERROR test_it.py::TestIt::test_last - ValueError: it does not go" in ended.output


def test_a_clean_up_that_goes_well_leaves_nothing(suite):
    ended = suite(cleaning="pass")

    assert ended.code == 0, ended.output
    assert ended.folders == []


def test_what_the_session_raises_besides_is_told_too(suite):
    ended = suite(more=", unclean_session")

    (folder,) = ended.folders
    assert re.search(r"ValueError: it does not go(.|\n)*KeyError: 'of the session'", ended.output)
    assert (folder / "objects" / "ConfigMap" / "shop_lamp.yaml").is_file()


def test_what_the_session_raises_alone_is_told_as_ever(suite):
    ended = suite(cleaning="pass", more=", unclean_session")

    assert "KeyError: 'of the session'" in ended.output
    assert "1 error" in ended.output


def test_a_clean_up_by_fail_counts_as_well(suite):
    ended = suite(cleaning='pytest.fail("it does not go", pytrace=False)')

    (folder,) = ended.folders
    assert (folder / "failure.txt").read_text().startswith("it does not go")
    assert (folder / "objects" / "ConfigMap" / "shop_lamp.yaml").is_file()
