"""A project's own fixtures may have any name, in runs of pytest of their own."""

import ast
import sys
import textwrap
from pathlib import Path

import pytest
from nested import environment

import kyma_harness
from kyma_harness.host.process import run

ALIASES = frozenset(
    {"api", "client", "eventually", "expect_log", "fault_seed", "faults", "forbid_log", "kyma"}
    | {"manager_log", "namespace", "observer", "portal", "reach", "testbed", "timeline"}
)
PYTEST_S_OWN = {"request", "pytestconfig", "tmp_path"}
OWN = """
    import pytest

{fixtures}
"""
TESTS = """
    from kubeloop.kinds import CONFIG_MAP
    from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA

    def test_the_project_s_own(api, client, portal, observer, testbed, eventually):
        assert {api, client, portal, observer, testbed, eventually} == {"the project's own"}

    def test_ours(kyma, timeline, manager_log, namespace):
        kyma.expect().to_have_state("Ready")
        timeline.of(KYMA, DEFAULT_KYMA, KCP_NAMESPACE).assert_sequence(never=["Error"])
        assert manager_log.since == timeline.since
        config_map = {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": namespace}
        }
        kyma.api.create(config_map)
        assert kyma.api.get(CONFIG_MAP, "one", namespace)
"""


@pytest.fixture
def suite(portal, tmp_path):
    def call(conftest, tests, *options):
        (tmp_path / "conftest.py").write_text(textwrap.dedent(conftest))
        (tmp_path / "test_it.py").write_text(textwrap.dedent(tests))
        plain = ["-p", "no:cacheprovider", "-p", "no:randomly", "-rA", f"--rootdir={tmp_path}"]
        environ = environment(KYMA_HARNESS_STATE=str(tmp_path / "state"))
        argv = [sys.executable, "-m", "pytest", *plain, *options, "test_it.py"]
        return portal.call(run(argv, timeout=300, cwd=tmp_path, env=environ, check=False)).stdout

    return call


@pytest.fixture(scope="module")
def graph():
    """What each fixture of ours asks for."""
    files = Path(kyma_harness.__file__).parent.rglob("*.py")
    functions = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in functions
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(one).startswith("pytest.fixture") for one in node.decorator_list)
    }


def test_nothing_of_ours_asks_for_a_fixture_by_an_everyday_name(graph):
    asked = {name for argnames in graph.values() for name in argnames} - PYTEST_S_OWN
    everyday = {name for name in asked if not name.removeprefix("_").startswith("kyma_harness_")}
    assert everyday == set()
    assert set(graph) >= ALIASES


def test_a_public_name_gives_what_its_private_name_stands_for(graph):
    assert {name: graph[name] for name in ALIASES} == {name: [f"_kyma_harness_{name}"] for name in ALIASES}


@pytest.mark.timeout(400)
def test_with_fixtures_of_all_our_names_a_project_still_has_a_kyma(suite, tools):
    """Function-scoped, as a web project's `client` is: nothing of a session could be made of them."""
    in_use = {"kyma", "timeline", "manager_log", "namespace"}
    fixtures = "".join(
        f'    @pytest.fixture\n    def {name}():\n        return "the project\'s own"\n\n'
        for name in ALIASES
        if name not in in_use
    )

    said = suite(
        OWN.format(fixtures=fixtures),
        TESTS,
        f"--harness-tools={tools.folder}",
        "--kyma=builtin",
        "--harness-provider=embedded",
    )

    assert "2 passed" in said, said
