"""Images assembled from this machine, unpacked and run as a container would run them."""

import hashlib
import io
import json
import os
import platform
import re
import sys
import tarfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from eventually import PATIENCE
from packaging.utils import canonicalize_name

from kyma_harness.host.process import run
from kyma_harness.oci.assemble import (
    VERSION,
    assemble,
    compiled,
    distribution_of,
    installed,
    of_program,
    requirements_of,
)
from kyma_harness.oci.image import AssemblyError
from kyma_harness.oci.recipe import Assembly, Recipe
from kyma_harness.oci.sbom import FOLDER, bill_of_materials, file_name
from kyma_harness.session.options import PROJECT

RECIPE = PROJECT / "module" / "image.yaml"
RECIPE_DATA = yaml.safe_load(RECIPE.read_text())


@pytest.fixture(scope="session")
def image(portal, tools):
    """The manager's image, assembled once."""
    recipe = Recipe.load(RECIPE)
    return portal.call(assemble(recipe.name, recipe.version, recipe.assembly, tools.folder))


@pytest.fixture(scope="session")
def root(image, tmp_path_factory):
    """The image's root file system, unpacked."""
    folder = tmp_path_factory.mktemp("root")
    for one in image.layers:
        with tarfile.open(fileobj=io.BytesIO(one.content)) as archive:
            archive.extractall(folder, filter="tar")
    return folder


async def in_image(root, *arguments):
    """Run the image's interpreter with nothing of this machine but its kernel."""
    loader = next(root.glob("lib*/ld-*"))
    environment = {
        "LD_LIBRARY_PATH": str(root / "usr/local/lib"),
        "PYTHONHOME": str(root / "usr/local"),
        "PYTHONPATH": str(root / "app"),
        "PATH": str(root / "usr/local/bin"),
    }
    python = root / f"usr/local/bin/python{VERSION}"
    return await run([loader, python, *arguments], timeout=PATIENCE, env=environment)


async def test_the_manager_starts_with_what_the_image_has(root):
    done = await in_image(root, "-m", "eventing_manager", "--help")

    assert "--nats-monitoring-url" in done.stdout


async def test_everything_is_imported_from_the_image_and_from_its_byte_code(root):
    modules = "import kubernetes.aio.client, aiohttp, yaml, ssl, sqlite3, kubeloop.client, sys"
    show = "print(*[getattr(one, '__file__', '') or '' for one in sys.modules.values()], sep='\\n')"

    done = await in_image(root, "-v", "-c", f"{modules}; {show}")

    sources = re.findall(r"^# code object from '?(.*\.py)'?$", done.stderr, re.MULTILINE)
    files = [line for line in done.stdout.splitlines() if line]
    assert sources == []
    assert all(file.startswith(str(root)) for file in files)
    assert len(files) > 100


async def test_helm_is_in_it_and_the_charts(root):
    done = await run([root / "usr/local/bin/helm", "version", "--short"], timeout=PATIENCE)

    assert done.stdout.startswith("v4")
    assert (root / "module-chart" / "Chart.yaml").is_file()


def test_it_holds_nothing_of_the_harness_nor_of_the_tools_for_development(root):
    site = root / f"usr/local/lib/python{VERSION}/site-packages"

    assert not (root / "app" / "harness").exists()
    assert {one.name for one in site.iterdir()}.isdisjoint({"pytest", "pip", "docker", "harness", "mypy"})


def test_it_carries_a_valid_bill_of_what_is_in_it(root):
    content = (root / "usr/local/share/sbom/eventing-manager.cdx.json").read_text()
    site = root / f"usr/local/lib/python{VERSION}/site-packages"
    packages = {(found.name, found.version) for found in distributions(path=[str(site)])}

    listed = components(json.loads(content))

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content) is None
    assert listed["pypi"] == {(canonicalize_name(name), version) for name, version in packages}
    assert listed["generic"] == {("python", platform.python_version())}
    assert "helm.sh/helm/v4" in {name for name, _ in listed["golang"]}
    assert len(listed["golang"]) > 50


def test_the_same_parts_have_the_same_bill(tools):
    def bill():
        return bill_of_materials(
            "thing",
            "1",
            packages=[distribution_of("aiohttp")],
            programs={"nats-server": tools.folder / "nats-server"},
        )

    first = bill()

    assert first == bill()
    (program,) = [one for one in json.loads(first)["components"] if one["name"] == "nats-server"]
    digest = hashlib.sha256((tools.folder / "nats-server").read_bytes()).hexdigest()
    assert program["hashes"] == [{"alg": "SHA-256", "content": digest}]


def components(bill):
    """Return the names and versions in a bill of materials, by the type of their package URL."""
    found = {}
    for component in bill["components"]:
        kind = component.get("purl", "pkg:none/").removeprefix("pkg:").partition("/")[0]
        found.setdefault(kind, set()).add((component["name"], component.get("version")))
    return found


def test_its_user_may_write_nowhere_but_in_tmp(image):
    writable = set()
    for one in image.layers:
        with tarfile.open(fileobj=io.BytesIO(one.content)) as archive:
            writable |= {member.name for member in archive if not member.issym() and member.mode & 0o002}

    assert writable == {"tmp"}


def test_the_dockerfile_makes_the_same_image():
    """What image.yaml says is in the Dockerfile, line by line."""
    described = RECIPE_DATA["assembly"]
    lines = (RECIPE.parent / "Dockerfile").read_text().splitlines()

    copies = {"kubeloop": "module/kubeloop", "eventing_manager": "module/eventing_manager"}
    for where, source in described["files"].items():
        origin = copies.get(source, source.removeprefix("../"))
        assert f"COPY {origin} {where}" in lines
    quoted = ", ".join(f'"{word}"' for word in described["entrypoint"])
    assert f"ENTRYPOINT [{quoted}]" in lines
    assert f"USER {described['user']}" in lines
    assert any(line.startswith("ENV PYTHONPATH=/app") for line in lines)
    where = f"{FOLDER}/{file_name(RECIPE_DATA['name'])}"
    assert any(line.startswith("COPY --from=sbom ") and line.endswith(f" {where}") for line in lines)
    assert f"--image {RECIPE_DATA['name']} --version {RECIPE_DATA['version']} " in "\n".join(lines)


def test_the_dockerfile_copies_what_docker_is_given_and_nothing_else_is_given():
    lines = (RECIPE.parent / "Dockerfile").read_text().splitlines()
    copied = {
        word
        for line in lines
        if line.startswith("COPY ") and "--from=" not in line
        for word in line.split()[1:-1]
    }
    given = {
        line.removeprefix("!")
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    assert {
        str(Path(path).parent) if Path(path).name in {"go.mod", "go.sum"} else path for path in copied
    } == given
    assert all((PROJECT / path).exists() for path in copied)


def test_the_dockerfiles_bases_are_pinned_to_a_patch_release_and_its_digest():
    lines = (RECIPE.parent / "Dockerfile").read_text().splitlines()
    used = {line.split()[1] for line in lines if line.startswith("FROM ")}
    pinned = dict(line.removeprefix("ARG ").split("=", 1) for line in lines if line.startswith("ARG "))

    assert used == {f"${{{name}}}" for name in pinned}
    for base in pinned.values():
        assert re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-[a-z-]*bookworm@sha256:[0-9a-f]{64}", base)


def test_byte_code_is_valid_whatever_the_time_of_its_source(tmp_path):
    source = tmp_path / "thing.py"
    source.write_text("ANSWER = 42\n")
    os.utime(source, (1, 1))

    entry = compiled(source, "/app/thing.py")

    assert (
        entry.path == f"/app/__pycache__/thing.cpython-{sys.version_info.major}{sys.version_info.minor}.pyc"
    )
    assert int.from_bytes(entry.content[4:8], "little") == 0b01, "unchecked, by hash (PEP 552)"


def test_requirements_are_those_of_run_time_and_theirs():
    names = requirements_of("kyma-eventing-manager")

    assert {"aiohttp", "kubernetes", "pyhelm3", "pyyaml", "multidict"} <= set(names)
    assert not {"kyma-eventing-manager", "kubeloop", "pytest", "docker", "click"} & set(names)


def test_what_is_named_beside_them_comes_with_all_it_needs():
    assert {"jsonschema", "referencing"} <= set(requirements_of("kyma-eventing-manager", ["jsonschema"]))


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(AssemblyError, match="package no-such-thing is not installed here"):
        installed(["no-such-thing"])


async def test_a_tool_that_is_missing_is_named(tmp_path):
    described = Assembly(distribution="kyma-eventing-manager", tools=("helm",), entrypoint=("python",))

    with pytest.raises(AssemblyError, match=r"needs helm, which is not in .*kyma-harness tools"):
        await assemble("thing", "1", described, tmp_path)


def test_an_image_of_one_program_has_it_where_its_deployment_starts_it(tmp_path):
    binary = tmp_path / "manager"
    binary.write_bytes(b"program")

    made = of_program("lifecycle-manager", "2022", binary, path="/manager")

    with tarfile.open(fileobj=io.BytesIO(made.layers[0].content)) as archive:
        assert archive.getmember("manager").mode == 0o755
    assert made.process.entrypoint == ("/manager",)


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AssemblyError, match="there is no program"):
        of_program("lifecycle-manager", "2022", tmp_path / "nothing", path="/manager")
