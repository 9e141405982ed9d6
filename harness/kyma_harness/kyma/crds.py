"""Find a chart's definitions where Helm finds them: in ``crds/``, however deep, and in its sub-charts."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kubeloop import goyaml
from kubeloop.kinds import CRD
from kubeloop.resource import Object
from kyma_harness.kyma.errors import KymaError

FOLDER = "crds"
SUB_CHARTS = "charts"
SUFFIXES = (".yaml", ".yml", ".json")
_SEPARATOR = b"---\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionFile:
    """A file of a chart's ``crds/``; whether definitions are in it, nobody has looked."""

    name: str
    """Its path below the chart's folder, such as ``charts/light/crds/lamps.yaml``."""
    content: bytes

    def objects(self) -> list[Object]:
        """Return what stands in it; KymaError where that is no YAML, or no object of Kubernetes."""
        return _objects(self.content, self.name)


def definition_files(chart: Path) -> list[DefinitionFile]:
    """Return the files in the order in which Helm has them: the chart's own, then each sub-chart's."""
    return list(_files_of({name: path.read_bytes() for name, path in _below(chart)}))


def definitions_in(chart: Path) -> list[Object]:
    """Return the CustomResourceDefinitions of all these files."""
    found = [item for file in definition_files(chart) for item in file.objects()]
    return [item for item in found if item["kind"] == CRD.kind]


def definitions_as_installed(chart: Path) -> list[Object]:
    """Return what module-manager makes of the files (contract 2.6).

    The original puts one after the other with no ``---`` between them. So the last object of a file and the
    first of the next one are one document, in which the later value of a key counts: of two files with a
    definition each it installs the second.
    """
    joined = b"".join(file.content.removeprefix(_SEPARATOR) + b"\n" for file in definition_files(chart))
    return _objects(joined, f"{chart.name}/{FOLDER}")


def _below(chart: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(chart.rglob("*")):
        if path.is_file():
            yield path.relative_to(chart).as_posix(), path


def _files_of(files: dict[str, bytes], prefix: str = "") -> Iterator[DefinitionFile]:
    """Yield the definition files of a chart that is given by all of its files."""
    for name, content in files.items():
        if name.startswith(f"{FOLDER}/") and name.endswith(SUFFIXES):
            yield DefinitionFile(name=f"{prefix}{name}", content=content)
    for name, inner in _sub_charts(files):
        yield from _files_of(inner, f"{prefix}{SUB_CHARTS}/{name}/")


def _sub_charts(files: dict[str, bytes]) -> list[tuple[str, dict[str, bytes]]]:
    """Return the charts in ``charts/``, folders and archives, but for those that Helm leaves out."""
    found: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        match PurePosixPath(name).parts:
            case (folder, chart, *_) if folder != SUB_CHARTS or chart.startswith(("_", ".")):
                continue
            case (_, archive) if archive.endswith(".tgz"):
                found[archive] = _unpacked(content, name)
            case (_, chart, *rest) if rest:
                found.setdefault(chart, {})["/".join(rest)] = content
    return sorted(found.items())


def _unpacked(content: bytes, name: str) -> dict[str, bytes]:
    """Return the files of a packed chart, below the one folder that it is in."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return {
                member.name.partition("/")[2]: opened.read()
                for member in archive
                if member.isreg() and (opened := archive.extractfile(member)) is not None
            }
    except (tarfile.TarError, OSError, EOFError) as error:
        raise KymaError(f"{name} is not a packed chart: {error}") from None


def _objects(content: bytes, source: str) -> list[Object]:
    try:
        documents = goyaml.load_all(content)
    except goyaml.YAMLError as error:
        raise KymaError(f"{source} is not YAML: {error}") from None
    return [{**one, "metadata": one.get("metadata") or {}} for one in documents if _is_object(one)]


def _is_object(document: Any) -> bool:
    """Tell what the original takes for an object; whatever else is in such a file it leaves out."""
    return (
        isinstance(document, dict)
        and all(isinstance(document.get(key), str) and document[key] for key in ("apiVersion", "kind"))
        and isinstance(document.get("metadata"), dict | None)
    )
