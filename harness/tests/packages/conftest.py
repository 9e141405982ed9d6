"""The three distributions, built once, and an environment that knows nothing of this checkout."""

import os
import re
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaged import Call, Distribution

from hack.bootstrap import CONSTRAINTS, FOLDERS
from kyma_harness.host.blocking import Portal
from kyma_harness.host.locks import FileLock
from kyma_harness.host.process import Completed, run

OF_THIS_CHECKOUT = ("PYTHON", "PYTEST", "COV", "KYMA", "HARNESS", "VIRTUAL_ENV")
OUT_OF_REACH = re.compile("NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|ReadTimeout")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session have in common."""
    ours = tmp_path_factory.getbasetemp()
    folder = (ours.parent if os.environ.get("PYTEST_XDIST_WORKER") else ours) / "packages"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def distributions(shared: Path, portal: Portal) -> list[Distribution]:
    """Each folder's wheel and source distribution."""
    with FileLock(shared / "lock", purpose="building packages"):
        return [_built(folder, shared / "dist" / folder.name, portal) for folder in FOLDERS]


def _built(folder: Path, target: Path, portal: Portal) -> Distribution:
    if not target.exists():
        command = [sys.executable, "-m", "hatchling", "build", "-d", target]
        portal.call(run(command, timeout=120, cwd=folder))
    (wheel,), (sdist,) = target.glob("*.whl"), target.glob("*.tar.gz")
    return Distribution(folder=folder, wheel=wheel, sdist=sdist)


@pytest.fixture(scope="session")
def environment(shared: Path, distributions: list[Distribution], portal: Portal) -> Path:
    """A virtual environment with the three wheels, and what they depend on from the index; without extras."""
    folder = shared / "venv"
    with FileLock(shared / "lock", purpose="installing packages"):
        if not (folder / "installed").exists():
            venv.create(folder, clear=True)
            _install([one.wheel for one in distributions], folder, portal)
            (folder / "installed").touch()
    return folder


def _install(wheels: Sequence[Path], folder: Path, portal: Portal) -> None:
    command = [sys.executable, "-m", "pip", f"--python={folder / 'bin' / 'python'}", "install", "--quiet"]
    command += [
        "--disable-pip-version-check",
        "--no-compile",
        f"--constraint={CONSTRAINTS}",
        *map(str, wheels),
    ]
    done = portal.call(run(command, timeout=600, check=False, cwd=folder))
    if done.returncode and OUT_OF_REACH.search(done.stderr):
        pytest.skip("the index of Python packages is out of reach")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def call(environment: Path, portal: Portal, tmp_path: Path) -> Call:
    """Run a program of that environment, in a folder and with a home of the test's own."""
    home = tmp_path / "home"
    home.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_CHECKOUT)}
    clean |= {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CACHE_HOME": str(home / "cache")}
    clean["PATH"] = f"{environment / 'bin'}:/usr/bin:/bin"

    def started(program: str, *words: str | Path, cwd: Path = tmp_path, **variables: str) -> Completed:
        command = [environment / "bin" / program, *words]
        return portal.call(run(command, timeout=300, check=False, cwd=cwd, env=clean | variables))

    return started
