"""An installed harness, in an environment and folders that know nothing of this checkout."""

import json
from pathlib import Path

import pytest
from packaged import Call

from hack.bootstrap import ROOT
from kyma_harness.host.extras import EXTRAS
from kyma_harness.toolchain.toolchain import ToolPaths

pytestmark = pytest.mark.timeout(900)

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import eventing_manager, kubeloop, kyma_harness
failed = {}
for package in (eventing_manager, kubeloop, kyma_harness):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except ModuleNotFoundError as error:
                failed[found.name] = error.name
places = [package.__file__ for package in (eventing_manager, kubeloop, kyma_harness)]
print(json.dumps({"failed": failed, "places": places, "path": sys.path}))
"""
ASSEMBLE = """
import asyncio
from pathlib import Path
from kyma_harness.oci.assemble import assemble
from kyma_harness.oci.image import AssemblyError
from kyma_harness.oci.recipe import Assembly
try:
    asyncio.run(assemble("thing", "1", Assembly(distribution="kubeloop", entrypoint=["python"]), Path()))
except AssemblyError as error:
    print(error)
"""


def test_everything_can_be_imported_but_what_an_extra_is_for(call: Call, environment: Path):
    done = call("python", "-c", IMPORT_ALL)

    seen = json.loads(done.stdout)
    assert seen["failed"] == {"kyma_harness.oci.sbom": "cyclonedx"}
    assert all(Path(place).is_relative_to(environment) for place in seen["places"])
    assert not [entry for entry in seen["path"] if Path(entry).is_relative_to(ROOT) and entry]


def test_a_run_of_pytest_that_has_nothing_to_do_with_it_is_as_ever(call: Call, tmp_path: Path):
    (tmp_path / "test_it.py").write_text("def test_it(tmp_path):\n    pass\n")

    done = call("pytest", "-q", "-W", "error", "--strict-config")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_programs_say_what_they_are(call: Call):
    version = call("kyma-harness", "--version")
    manager = call("eventing-manager", "--help")

    assert version.stdout.startswith("kyma-harness, version ")
    assert "--leader-elect" in manager.stdout


def test_where_no_module_is_a_sentence_says_what_to_do(call: Call, tmp_path: Path):
    done = call("kyma-harness", "bundle", "--dry-run", "--output", tmp_path / "template.yaml")

    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "module.yaml does not exist: name the module.yaml of the module with --module" in said


@pytest.mark.parametrize(("provider", "package"), [("kind", "pytest_kind"), ("k3d", "docker")])
def test_a_provider_that_lacks_its_extra_names_it(
    call: Call, tools: ToolPaths, tmp_path: Path, provider: str, package: str
):
    k3d = tmp_path / "bin" / "k3d"
    k3d.parent.mkdir()
    k3d.write_text("#!/bin/sh\necho k3d version v5.8.3\n")
    k3d.chmod(0o755)
    call("kyma-harness", "example", "lamp")

    done = call(
        *("kyma-harness", "up", f"--provider={provider}", "--kyma=builtin"),
        cwd=tmp_path / "lamp",
        HARNESS_TOOLS=str(tools.folder),
        PATH=f"{k3d.parent}:/usr/bin:/bin",
    )

    assert done.returncode == 5, done.stderr
    said = " ".join(done.stderr.split())
    extra = EXTRAS[package]
    assert f"package {package} is not installed here: `pip install 'kyma-harness[{extra}]'` brings it" in said


def test_images_and_a_module_s_own_checks_name_the_extra_that_they_lack(call: Call):
    image = call("python", "-c", ASSEMBLE)
    script = call(
        "python",
        "-c",
        "import sys; from pathlib import Path; from kyma_harness.kyma.verify import load_script\n"
        "try: load_script(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)",
        ROOT / "module" / "verify.py",
    )

    assert "image thing cannot be assembled: the Python package cyclonedx" in image.stdout
    assert "kyma-harness[images]" in image.stdout
    assert script.stdout.startswith("ModuleError verify.script:")
    assert "kyma-harness[nats]" in script.stdout


def test_the_example_comes_up_passes_its_test_and_goes_again(call: Call, tools: ToolPaths, tmp_path: Path):
    lamp, brought = tmp_path / "lamp", {"HARNESS_TOOLS": str(tools.folder)}
    written = call("kyma-harness", "example", "lamp")

    up = call("kyma-harness", "up", "--provider=embedded", "--kyma=builtin", cwd=lamp, **brought)
    try:
        tested = call("pytest", "-q", "-W", "error", "--harness-cluster=kyma", cwd=lamp, **brought)
    finally:
        down = call("kyma-harness", "down", cwd=lamp, **brought)

    assert written.returncode == 0, written.stderr
    assert up.returncode == 0, up.stderr
    assert "lamp is Ready, and the Kyma with it" in up.stderr
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "2 passed" in tested.stdout
    assert down.returncode == 0, down.stderr
