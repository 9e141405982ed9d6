"""Make the virtual environment that everything else runs in; safe to run twice, or twice at once."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed"
INPUTS = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
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
    command = [VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--constraint", ROOT / "constraints.txt", "--editable", f"{ROOT}[dev]"]
    result = subprocess.run(command, check=False)
    if result.returncode:
        raise SystemExit(
            "The Python packages could not be installed; pip's reason stands above. "
            "Behind a proxy set PIP_INDEX_URL or HTTPS_PROXY, then run the same command again."
        )


if __name__ == "__main__":
    main()
