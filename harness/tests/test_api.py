"""What tests may use is small, written down, and imported when it is asked for."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import kyma_harness
from kyma_harness.cli.example import LAMP
from kyma_harness.pytest import public
from kyma_harness.session.options import PROJECT

PAGE = (PROJECT / "docs" / "reference" / "api.md").read_text()
USERS = [*PROJECT.glob("scenarios/*.py"), PROJECT / "module" / "verify.py", *LAMP.glob("test_*.py")]
FIXTURES = ast.parse(Path(public.__file__).read_text())


def imports(tree: ast.AST) -> dict[str, str]:
    """Name by name, the module that it is imported from."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.name: str(node.module) for node in found for name in node.names}


def test_each_name_is_the_one_of_its_home():
    for name in kyma_harness.__all__:
        assert getattr(kyma_harness, name) is getattr(import_module(kyma_harness._HOMES[name]), name)


def test_type_checkers_see_the_same_names():
    (block,) = [node for node in ast.parse(Path(kyma_harness.__file__).read_text()).body
                if isinstance(node, ast.If)]  # fmt: skip

    assert imports(block) == kyma_harness._HOMES
    assert sorted(kyma_harness.__all__) == sorted(kyma_harness._HOMES)


def test_an_unknown_name_is_none_of_them_and_a_private_module_can_be_imported():
    with pytest.raises(AttributeError, match="module 'kyma_harness' has no attribute 'nothing'"):
        kyma_harness.nothing  # noqa: B018 - it raises

    assert "Api" in dir(kyma_harness)
    assert import_module("kyma_harness.session.lifetime") is kyma_harness.session.lifetime


def test_the_page_names_every_name_and_every_fixture():
    text = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    fixtures = {node.name for node in FIXTURES.body if isinstance(node, ast.FunctionDef)}

    assert {*kyma_harness.__all__, *fixtures} - words == set()


@pytest.mark.parametrize("file", USERS, ids=lambda file: file.name)
def test_those_who_test_with_it_use_nothing_private(file: Path):
    used = imports(ast.parse(file.read_text()))

    assert {name: home for name, home in used.items() if home.startswith("kyma_harness.")} == {}
