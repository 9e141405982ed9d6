"""Import our code when a test asks for it, and for it what is installed, whatever the project under test has.

A session that asks for nothing of ours pays for pytest alone. And a project may have a `yaml.py`, or a
package with the name of one that we need: conftest files and `python -m pytest` put its folders first.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from kyma_harness.host.interpreter import is_of_project

CODE = (
    "kyma_harness.pytest.cluster",
    "kyma_harness.pytest.evidence",
    "kyma_harness.pytest.observing",
    "kyma_harness.pytest.exclusive",
    "kyma_harness.wait.eventually",
    "kyma_harness.session.record",
    "kyma_harness.evidence.report.page",
    "kyma_harness.pytest.handles.history",
)
"""All that fixtures and hooks need once a test has to do with a cluster."""


def installed_path(path: list[str], folder: Path, asked: str) -> list[str]:
    """Return a path without the current folder, which `-m` puts first, and without what ``asked`` has of it.

    ``asked`` is the value of $PYTHONPATH. An environment that lies within the folder is not of the project.
    """
    is_first = not sys.flags.safe_path and path[:1] in ([""], [str(folder)])
    entries = [entry for entry in asked.split(os.pathsep) if entry and is_of_project(entry, folder)]
    theirs = {str((folder / entry).resolve()) for entry in entries}
    return [entry for entry in path[is_first:] if str((folder / entry).resolve()) not in theirs]


INSTALLED = installed_path(sys.path, Path.cwd(), os.environ.get("PYTHONPATH", ""))
"""The path as it was when pytest loaded its plugins: before the project's own folders came to it."""


def load() -> None:
    """Import all that a test with a cluster needs, once."""
    if not all(name in sys.modules for name in CODE):
        with only_installed(INSTALLED):
            for name in CODE:
                import_module(name)


@contextmanager
def only_installed(path: list[str]) -> Iterator[None]:
    """Have imports find what is installed, and afterwards the project's own again."""
    usual, known = list(sys.path), set(sys.modules)
    projects = [entry for entry in usual if entry not in path]
    theirs = {name: one for name, one in sys.modules.items() if _comes_from(name, one, projects)}
    for name in theirs:
        del sys.modules[name]
    sys.path[:] = path
    try:
        yield
    finally:
        sys.path[:] = usual
        for name in set(sys.modules) - known:
            if _is_in(name.partition(".")[0], projects):
                del sys.modules[name]
        sys.modules.update(theirs)


def _comes_from(name: str, module: ModuleType, folders: list[str]) -> bool:
    """Tell whether a module was found in one of these folders; what is further down was found elsewhere."""
    if not (file := getattr(module, "__file__", None)):
        return False
    parts, place = name.split("."), Path(file).parent
    roots = (Path(folder or Path.cwd()) for folder in folders)
    return any(place in (root.joinpath(*parts), root.joinpath(*parts[:-1])) for root in roots)


def _is_in(name: str, folders: list[str]) -> bool:
    """Tell whether folders have a module; what Python itself brings is used by others under its name."""
    places = (Path(folder) / name for folder in folders)
    return name not in sys.stdlib_module_names and any(
        place.with_suffix(".py").is_file() or (place / "__init__.py").is_file() for place in places
    )
