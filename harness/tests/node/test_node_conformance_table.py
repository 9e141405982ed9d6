"""The table of conformance is whole, says what there is, and names tests that there are."""

import ast
import os
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from hack.conformance import OUTCOMES, load, page, rows
from kyma_harness.toolchain.catalogue import catalogue

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "reference" / "conformance.md"
TABLE = load()
ROWS = rows(TABLE)
CHOSEN = re.compile(
    r"common/(node|storage)/\w+\.go|node/(pods|pre_stop|security_context)\.go|storage/(empty_dir_wrapper|subpath)\.go"
)
"""The files of conformance tests that ask something of a node."""


def upstream():
    """Return the conformance tests of the pinned Kubernetes by file, where its sources are here."""
    cache = os.environ.get("GOMODCACHE") or Path.home() / "go" / "pkg" / "mod"
    file = Path(
        cache, f"k8s.io/kubernetes@{TABLE['kubernetes']}", "test/conformance/testdata/conformance.yaml"
    )
    if not file.is_file():
        pytest.skip(
            "the sources of Kubernetes are not in the module cache of Go: `make tools` builds from them"
        )
    found = yaml.safe_load(file.read_text())
    return Counter(one["file"].partition("test/e2e/")[2] for one in found)


def test_the_page_of_the_reference_is_what_the_table_says():
    assert PAGE.read_text() == page(TABLE), "stale: run `make reference`"


def test_the_table_is_about_the_kubernetes_that_is_embedded():
    (version,) = {tool.version for tool in catalogue() if tool.name == "kube-apiserver"}

    assert TABLE["kubernetes"].removeprefix("v") == version.removeprefix("v")


def test_every_conformance_test_of_a_node_is_in_one_row():
    there, told = upstream(), Counter[str]()
    for row in ROWS:
        told[row.file] += row.tests

    assert TABLE["all"] == sum(there.values())
    assert told == Counter({file: count for file, count in there.items() if CHOSEN.fullmatch(file)})


@pytest.mark.parametrize("test", sorted({one for row in ROWS for one in row.shown}))
def test_a_test_that_a_row_names_is_there(test):
    file, _, name = test.partition("::")
    tree = ast.parse((HERE / file).read_text())

    assert name in {one.name for one in tree.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.file}: {row.asks[:40]}")
def test_a_row_says_what_shows_it_or_why_it_is_not_so(row):
    assert row.outcome in OUTCOMES
    assert row.shown or row.outcome != "holds"
    assert row.why or row.outcome not in ("differs", "missing")


def test_every_test_of_what_is_re_told_is_in_a_row():
    tree = ast.parse((HERE / "test_node_conformance.py").read_text())
    there = {
        one.name
        for one in tree.body
        if isinstance(one, ast.AsyncFunctionDef) and one.name.startswith("test_")
    }

    assert there == {
        one.partition("::")[2]
        for row in ROWS
        for one in row.shown
        if one.startswith("test_node_conformance.py::")
    }
