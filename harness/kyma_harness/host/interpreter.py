"""Run Python programs of ours so that they import what is installed, whatever lies in the user's folder.

A project may have a `yaml.py`, or a package with the name of one that we need. Python would take that, as it
looks into the current folder, and into each of $PYTHONPATH, before it looks into what is installed.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

OURS = Path(__file__).resolve().parents[2]
"""Where this package is: needed, wherever it lies."""
ANYWHERE = Path("/")
"""A folder for programs that need none, and that are not to keep the user's from being removed."""


def program(module: str) -> list[str]:
    """Return the command that runs a module of ours; without `-P` the current folder would come first."""
    return [sys.executable, "-P", "-m", module]


def environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return an environment for :func:`program`, without what $PYTHONPATH has of the user's folder."""
    entries = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    kept = [str(folder / entry) for entry in entries if not is_of_project(entry, folder)]
    others = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    return {**others, **({"PYTHONPATH": os.pathsep.join(kept)} if kept else {})}


def is_of_project(entry: str, folder: Path) -> bool:
    """Tell whether an entry of the path is the user's folder, or a part of it, and not where we come from."""
    place = (folder / entry).resolve()
    return place.is_relative_to(folder.resolve()) and place != OURS
