"""Make the virtual environment that everything else runs in; safe to run twice, or twice at once."""

import fcntl
import hashlib
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed"
CONSTRAINTS = ROOT / "constraints.txt"
FOLDERS = [ROOT / "module" / "kubeloop", ROOT / "module" / "eventing_manager", ROOT / "harness"]
"""The three distributions; each has a pyproject.toml."""
INPUTS = [*(folder / "pyproject.toml" for folder in (ROOT, *FOLDERS)), CONSTRAINTS]
OLDEST = (3, 11)


def main() -> None:
    """Create the environment, or bring it up to date with what the project pins."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SystemExit(f"Python {found} is too old: 3.11 or newer is needed. Try: make PYTHON=python3.12")
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _fingerprint()
        if STAMP.exists() and STAMP.read_text() == wanted:
            STAMP.touch()
            return
        print("Installing the Python packages into .venv (once, about a minute) …", flush=True)  # noqa: T201
        _install()
        STAMP.write_text(wanted)


def _fingerprint() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in INPUTS)).hexdigest()


def _install() -> None:
    if not (VENV / "bin" / "pip").exists():
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    command = [str(VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    command += [f"--editable={folder}{'[all]' if folder.name == 'harness' else ''}" for folder in FOLDERS]
    # pip's environment reaches the environments that it builds in, too.
    pinned = dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), str(CONSTRAINTS))
    result = subprocess.run([*command, *_development()], env={**os.environ, **pinned}, check=False)
    if result.returncode:
        raise SystemExit(
            "The Python packages could not be installed; pip's reason stands above. "
            "Behind a proxy set PIP_INDEX_URL or HTTPS_PROXY, then run the same command again."
        )


def _development() -> list[str]:
    """Return the dependency group for development: pip before 25.1 does not know groups."""
    groups: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return groups["dev"]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
