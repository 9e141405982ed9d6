"""Write what module/Dockerfile installs, each wheel by its hash: `make lock`.

pip resolves the requirements of the manager and of kubeloop for each platform, within constraints.txt, and
reports which wheels it would install; nothing is installed.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hack.bootstrap import CONSTRAINTS, FOLDERS, ROOT

MACHINES = ("x86_64", "aarch64")
GLIBC_MINORS = range(5, 37)
"""The C libraries that wheels may ask for, 2.5 to 2.36: the base image is Debian 12."""

HEADER = """\
# Written by `make lock` from each pyproject.toml and constraints.txt: {what},
# as wheels for CPython {python} on Linux. A test fails when the file is stale.
"""


def main() -> None:
    """Write both files."""
    python = _python_of_the_image()
    running = ".".join(map(str, sys.version_info[:2]))
    if running != python:
        raise SystemExit(
            f"The image has Python {python} and this is {running}, for which packages may need others: "
            f"run `make lock PYTHON=python{python}` after `make clean`."
        )
    kubeloop, manager, harness = (_project(folder) for folder in FOLDERS)
    run_time = [*kubeloop["dependencies"], *manager["dependencies"]]
    locks = {
        "requirements.txt": (
            "what the manager needs at run time",
            # The image has kubeloop as a folder.
            [requirement for requirement in run_time if not requirement.startswith("kubeloop")],
        ),
        "requirements-sbom.txt": (
            "what the image's bill of materials is written with",
            harness["optional-dependencies"]["images"],
        ),
    }
    for name, (what, requirements) in locks.items():
        header = HEADER.format(what=what, python=python)
        (ROOT / "module" / name).write_text(header + _locked(requirements, python), encoding="utf-8")


def _project(folder: Path) -> dict[str, Any]:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)["project"]
    return found


def _python_of_the_image() -> str:
    dockerfile = (ROOT / "module" / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^ARG PYTHON_IMAGE=python:(\d+\.\d+)\.", dockerfile, re.MULTILINE)
    if found is None:
        raise SystemExit(
            "module/Dockerfile names no PYTHON_IMAGE with a version, such as python:3.11.14-slim"
        )
    return found[1]


def _locked(requirements: Iterable[str], python: str) -> str:
    wheels: dict[str, dict[str, str]] = {}
    for machine in MACHINES:
        for item in _report(requirements, python, machine)["install"]:
            name = item["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
            download = item["download_info"]
            wheel = download["url"].rpartition("/")[2]
            pinned = f"{name}=={item['metadata']['version']}"
            wheels.setdefault(pinned, {})[wheel] = download["archive_info"]["hashes"]["sha256"]
    return "".join(_entry(pinned, wheels[pinned]) for pinned in sorted(wheels))


def _entry(pinned: str, wheels: Mapping[str, str]) -> str:
    names = "".join(f"# {wheel}\n" for wheel in wheels)
    hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in wheels.values())
    return f"{names}{pinned}{hashes}\n"


def _report(requirements: Iterable[str], python: str, machine: str) -> dict[str, Any]:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS]
    platforms += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--dry-run", "--ignore-installed", f"--report={report}", f"--target={folder}"]
        command += ["--only-binary=:all:", f"--constraint={CONSTRAINTS}"]
        command += [f"--python-version={python}", "--implementation=cp"]
        command += [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
        command += [f"--platform={platform}" for platform in platforms]
        if subprocess.run([*command, *requirements], check=False).returncode:
            raise SystemExit(f"pip finds no wheels for {machine}; its reason stands above.")
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found


if __name__ == "__main__":
    main()
