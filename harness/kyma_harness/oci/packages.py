"""Put installed Python distributions into an image: what one needs at run time, and nothing else."""

import importlib.metadata
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kyma_harness.oci.errors import AssemblyError
from kyma_harness.oci.interpreter import SITE_PACKAGES, python_file
from kyma_harness.oci.layer import Entry

NOT_NEEDED = frozenset({"__pycache__", "test", "tests", "INSTALLER", "direct_url.json", "REQUESTED"})


def requirements_of(distribution: str, also: Sequence[str] = ()) -> list[str]:
    """Return the names of what a distribution needs at run time, itself left out, sorted.

    ``also`` names further distributions, which are in the answer with all that they need. What is installed
    in place, for those who work on it, is left out: an image has it as a folder.
    """
    found: dict[str, set[str]] = {}
    for name in (distribution, *also):
        _collect(name, "", found)
    needed = found.keys() - {canonicalize_name(distribution)}
    return sorted(name for name in needed if not _is_in_place(distribution_of(name)))


def installed(names: Sequence[str]) -> list[Entry]:
    """Return the files of installed distributions, without their tests and command-line scripts."""
    return [entry for name in names for entry in _files_of(name)]


def _collect(name: str, extra: str, found: dict[str, set[str]]) -> None:
    seen = found.setdefault(canonicalize_name(name), set())
    if extra in seen:
        return
    seen.add(extra)
    for text in distribution_of(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in ("", *requirement.extras):
                _collect(requirement.name, wanted, found)


def _is_in_place(distribution: importlib.metadata.Distribution) -> bool:
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def _files_of(name: str) -> Iterator[Entry]:
    distribution = distribution_of(name)
    for file in distribution.files or ():
        source = Path(str(distribution.locate_file(file)))
        if ".." in file.parts or NOT_NEEDED.intersection(file.parts) or not source.is_file():
            continue
        yield from python_file(source, f"{SITE_PACKAGES}/{file.as_posix()}")


def distribution_of(name: str) -> importlib.metadata.Distribution:
    """Return an installed distribution; raise AssemblyError where it is not."""
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise AssemblyError(
            f"the Python package {name} is not installed here, and the image needs it: install the project "
            "with `make`, which is what the image is assembled from"
        ) from None
