"""The locks of module/Dockerfile, which `make lock` writes: every wheel by its hash, and no other."""

import re
import tomllib
from dataclasses import dataclass

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from kyma_harness.oci.assemble import distribution_of, requirements_of
from kyma_harness.session.options import PROJECT

STALE = "stale: run `make lock`"


@dataclass(frozen=True)
class Pin:
    """A line of a lock, with the wheels that are named before it."""

    name: str
    version: str
    wheels: tuple[str, ...]
    hashes: tuple[str, ...]


def pins(name):
    text = (PROJECT / "module" / name).read_text()
    wheels = ()
    for line in text.replace(" \\\n", "").splitlines():
        if line.endswith(".whl"):
            wheels += (line.removeprefix("# "),)
        elif not line.startswith("#"):
            pinned, *hashes = line.split("    ")
            package, version = pinned.split("==")
            yield Pin(package, version, wheels, tuple(part.removeprefix("--hash=") for part in hashes))
            wheels = ()


def asked(folder, extra=None):
    """What a distribution depends on, or what an extra of it brings."""
    project = tomllib.loads((PROJECT / folder / "pyproject.toml").read_text())["project"]
    found = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [Requirement(text) for text in found]


LOCKS = {name: list(pins(name)) for name in ("requirements.txt", "requirements-sbom.txt")}


def test_the_lock_has_what_the_manager_needs_at_run_time_and_nothing_else():
    assert {pin.name for pin in LOCKS["requirements.txt"]} == set(requirements_of("kyma-eventing-manager")), (
        STALE
    )


def test_the_lock_of_the_bill_of_materials_has_the_library_and_what_it_needs():
    libraries = [one.name for one in asked("harness", extra="images")]
    needed = {*libraries, *(name for library in libraries for name in requirements_of(library))}

    assert {pin.name for pin in LOCKS["requirements-sbom.txt"]} == needed, STALE


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_each_package_once_at_the_version_that_is_tested(lock):
    constraints = dict(
        line.split("==")
        for line in (PROJECT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    tested = {canonicalize_name(name): version for name, version in constraints.items()}

    assert len({pin.name for pin in LOCKS[lock]}) == len(LOCKS[lock])
    for pin in LOCKS[lock]:
        assert pin.version == tested[pin.name], STALE
        assert pin.version == distribution_of(pin.name).version, STALE


def test_what_the_project_asks_for_is_what_is_locked():
    locked = {pin.name: pin.version for pin in LOCKS["requirements.txt"]}
    wanted = [*asked("module/kubeloop"), *asked("module/eventing_manager")]

    assert [
        str(one)
        for one in wanted
        if one.name != "kubeloop" and not one.specifier.contains(locked[canonicalize_name(one.name)])
    ] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_wheel_for_each_machine_and_its_hash(lock):
    for pin in LOCKS[lock]:
        assert len(pin.wheels) == len(pin.hashes) > 0
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in pin.hashes)
        machines = set()
        for wheel in pin.wheels:
            name, version, _, tags = parse_wheel_filename(wheel)
            assert (name, str(version)) == (pin.name, pin.version)
            machines |= {tag.platform.rpartition("linux")[2] for tag in tags}
        assert any(one == "any" for one in machines) or all(
            any(one.endswith(machine) for one in machines) for machine in ("x86_64", "aarch64")
        ), pin


def test_the_dockerfile_installs_nothing_without_its_hash():
    text = (PROJECT / "module" / "Dockerfile").read_text().replace("\\\n", " ")
    installs = [line for line in text.splitlines() if "pip install" in line]

    assert len(installs) == len(LOCKS)
    for line, lock in zip(installs, LOCKS, strict=True):
        assert {"--require-hashes", "--no-deps", f"--requirement {lock}", "--only-binary :all:"} <= {
            *re.findall(r"--[\w-]+(?: (?!--)\S+)?", line)
        }
