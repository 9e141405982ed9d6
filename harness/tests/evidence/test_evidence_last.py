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
            {body}
"""


@pytest.fixture
def suite(portal, tmp_path):
    def call(*options, scope="function", cleaning='raise ValueError("it does not go")', more="", body="pass"):
        tests = str(Path(__file__).parents[1])
        conftest = textwrap.dedent(CONFTEST).format(tests=tests, scope=scope, cleaning=cleaning)
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_it.py").write_text(textwrap.dedent(TESTS).format(more=more, body=body))
        plain = ["-p", "no:cacheprovider", "-p", "no:randomly", "-rA", f"--rootdir={tmp_path}"]
        argv = [sys.executable, "-m", "pytest", *plain, *options, "test_it.py"]
        environ = environment(KYMA_HARNESS_STATE=str(tmp_path / "state"))
        done = portal.call(run(argv, timeout=120, check=False, cwd=tmp_path, env=environ))
        evidence = tmp_path / ".harness-evidence"
        folders = list(evidence.glob("*test_last-*"))
        return SimpleNamespace(
            code=done.returncode, output=done.stdout, folders=folders, report=evidence / "report.html"
        )

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


WANTED = 'raise AssertionError("what was wanted did not come")'
WAIT = 'raise __import__("kyma_harness").WaitError("the lamp does not go\\n  so much else is told", None)'


@pytest.mark.parametrize("options", [(), ("-k", "last")], ids=["after another", "alone"])
def test_a_clean_up_that_fails_too_leaves_what_the_test_has_left(suite, options):
    ended = suite(*options, body=WANTED)

    (folder,) = ended.folders
    assert (folder / "failure.txt").read_text().startswith("AssertionError: what was wanted did not come\n")
    assert (folder / "objects" / "ConfigMap" / "shop_lamp.yaml").is_file(), ended.output
    assert (folder / "teardown" / "failure.txt").read_text().startswith("ValueError: it does not go\n")
    assert (folder / "teardown" / "objects" / "ConfigMap" / "shop_lamp.yaml").is_file()


def test_pytest_says_why_the_test_failed_before_it_says_that_it_could_not_be_cleaned_up(suite):
    ended = suite(body=WANTED)

    wanted, unclean = "what was wanted did not come", "it does not go"
    assert ended.output.index(wanted) < ended.output.index(unclean), ended.output
    assert "the test has failed before: AssertionError: what was wanted did not come" in ended.output
    assert "then its clean-up failed: ValueError: it does not go" in ended.output
    assert 'raise ValueError("it does not go")' in ended.output


def test_of_a_wait_of_the_clean_up_one_line_is_enough_on_the_console(suite):
    ended = suite(body=WANTED, cleaning=WAIT)

    (folder,) = ended.folders
    assert "then its clean-up failed: the lamp does not go" in ended.output
    assert "so much else is told" not in ended.output
    assert "so much else is told" in (folder / "teardown" / "failure.txt").read_text()


def test_the_report_tells_first_why_the_test_failed(suite):
    report = suite(body=WANTED).report.read_text()

    articles = report[report.index("<main") :]
    assert articles.index("what was wanted did not come") < articles.index("it does not go")


def test_a_failure_takes_away_what_an_earlier_run_has_left_of_its_clean_up(suite):
    suite(body=WANTED)

    ended = suite(body=WANTED, cleaning="pass")

    (folder,) = ended.folders
    assert not (folder / "teardown").exists()


def test_each_attempt_at_a_test_begins_anew(suite):
    ended = suite("--reruns=1", body=WANTED)

    (folder,) = ended.folders
    assert (folder / "failure.txt").read_text().startswith("AssertionError: what was wanted did not come\n")
    assert (folder / "teardown" / "failure.txt").read_text().startswith("ValueError: it does not go\n")


HOPELESS = (
    'raise __import__("kyma_harness").WaitError("Pod shop/web-0: no image\\n  so it did not come", None)'
)


def test_a_failure_begins_with_its_cause_in_the_summary_and_shows_no_objects_of_ours(suite):
    ended = suite("-k", "last", body=HOPELESS, cleaning="pass", more=", api, eventually, tmp_path")

    assert "FAILED test_it.py::TestIt::test_last - Pod shop/web-0: no image" in ended.output
    assert re.search(r"(?m)^E +WaitError: Pod shop/web-0: no image$", ended.output)
    assert "kyma_harness.wait" not in ended.output
    head = ended.output.partition("TestIt.test_last")[2].partition("raise")[0]
    assert "tmp_path = " in head
    assert "object at 0x" not in head.replace("<test_it.TestIt object at", "")
    assert "api = " not in head
    assert "eventually = " not in head
