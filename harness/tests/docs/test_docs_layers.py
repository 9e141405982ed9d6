"""The picture of the harness in CONTRIBUTING.md is what import-linter holds the code to."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "harness" / "kyma_harness"
LINES_OF_A_SCREEN = 24
NO_ROOMS = {"examples"}
"""Folders without code that anything imports."""


@pytest.fixture(scope="module")
def held():
    """The layers of the contract, the highest first, each with its rooms."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {one["name"]: one for one in settings["tool"]["importlinter"]["contracts"]}
    layers = contracts["The harness is layered"]["layers"]
    return [[room.strip().removeprefix("kyma_harness.") for room in layer.split("|")] for layer in layers]


@pytest.fixture(scope="module")
def drawn():
    """The lines of the picture: it is the block below the sentence about layers."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (block,) = re.findall(r"^`harness` is layered.*\n\n((?:    .*\n)+)", text, re.MULTILINE)
    return block.splitlines()


def test_the_picture_has_the_layers_that_the_code_is_held_to(drawn, held):
    assert [re.split(r"\s{3,}", line.strip())[0].split() for line in drawn] == held


def test_every_room_is_said_in_a_few_words(drawn):
    assert all(re.search(r"\S\s{3,}\S", line.strip()) for line in drawn)


def test_the_picture_fits_on_a_screen(drawn):
    assert len(drawn) <= LINES_OF_A_SCREEN
    assert max(map(len, drawn)) <= 100


def test_every_folder_of_the_harness_is_a_room_of_a_layer(held):
    rooms = {room for layer in held for room in layer}
    folders = {entry.name for entry in PACKAGE.iterdir() if any(entry.glob("*.py"))}

    assert folders - NO_ROOMS - rooms == set()
    assert rooms - folders == {"plugin"}
