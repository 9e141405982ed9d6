"""Look through a repository for what a module is made of: PROJECT, charts, config/, main packages."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeloop import goyaml
from kubeloop.resource import Object
from kyma_harness.host.errors import CommandError, HarnessError
from kyma_harness.host.process import run
from kyma_harness.kyma.charting import KUSTOMIZATIONS, is_chart, is_kustomization, objects_of
from kyma_harness.kyma.contract import parse_objects

RENDER_SECONDS = 60.0
DEPTH = 4
"""How deep in the repository charts are looked for."""
FOREIGN = frozenset({"node_modules", "vendor", "testdata", "charts", "venv", "dist", "build"})
"""Folders whose charts are somebody else's, or parts of another chart."""
PACKAGES = (".", "cmd", "cmd/manager", "cmd/operator")
"""Where a Go module has its manager's ``main``, in kubebuilder's layouts of then and now."""
_MAIN = re.compile(r"^package main\b", re.MULTILINE)


class RepositoryError(HarnessError):
    """A folder of which no module can be made, or not without being told more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What was found; paths are absolute."""

    folder: Path
    project: Mapping[str, Any]
    """kubebuilder's PROJECT file; empty where there is none."""
    source: Path
    """A chart's folder, a kustomization's folder, or a file of YAML: what the module installs."""
    samples: Sequence[tuple[Path, Object]]
    """Objects in files of samples, by which a default CR may be found."""
    main: str | None
    """The Go package of the manager, relative, such as ``./cmd``; nothing where it is not Go."""

    @property
    def is_chart(self) -> bool:
        """Whether the source is a Helm chart."""
        return is_chart(self.source)


def look(folder: Path, source: Path | None = None) -> Repository:
    """Look through a folder; ``source`` says what the module installs where that cannot be told.

    Raises :class:`RepositoryError` for a folder that has nothing to install, or more than one chart.
    """
    if not folder.is_dir():
        raise RepositoryError(f"{folder} is no folder")
    folder = folder.resolve()
    return Repository(
        folder=folder,
        project=_project(folder / "PROJECT"),
        source=_named(source) if source else _only_source(folder),
        samples=list(_samples(folder)),
        main=_main_package(folder),
    )


async def rendered(found: Repository, tools: Path) -> list[Object]:
    """Return what the source installs, by helm or kubectl of a folder of tools; CRDs are among it.

    Raises :class:`RepositoryError` with the program's own words where it does not render.
    """
    try:
        if not found.is_chart:
            return await objects_of(found.source, tools / "kubectl")
        argv = [str(tools / "helm"), "template", found.source.name, str(found.source), "--include-crds"]
        done = await run(argv, timeout=RENDER_SECONDS)
    except CommandError as error:
        raise RepositoryError(f"{found.source} does not render: {error}") from None
    return parse_objects(done.stdout, str(found.source))


def _project(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    try:
        read = goyaml.load(file.read_bytes())
    except goyaml.YAMLError as error:
        raise RepositoryError(f"{file} is not YAML: {error}", remedy="mend it, or take it away") from None
    return read if isinstance(read, dict) else {}


def _named(source: Path) -> Path:
    if not source.exists():
        raise RepositoryError(f"{source} does not exist")
    if source.is_dir() and not is_kustomization(source) and not is_chart(source):
        raise RepositoryError(
            f"{source} has neither a Chart.yaml nor a kustomization.yaml",
            remedy="name the folder of a chart or of a kustomization, or a file of YAML, with --chart",
        )
    return source.resolve()


def _only_source(folder: Path) -> Path:
    charts = list(_charts(folder))
    if len(charts) > 1:
        listed = ", ".join(str(chart.relative_to(folder)) for chart in charts)
        raise RepositoryError(f"{folder} has several charts ({listed})", remedy="name one with --chart")
    if charts:
        return charts[0]
    if is_kustomization(folder / "config" / "default"):
        return folder / "config" / "default"
    raise RepositoryError(
        f"{folder} has no Chart.yaml and no config/default/kustomization.yaml, so nothing to install",
        remedy="name a chart, a kustomization or a file of YAML with --chart, or begin with "
        "`kyma-harness example`",
    )


def _charts(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        here = Path(root)
        deep = len(here.relative_to(folder).parts)
        folders[:] = sorted(
            name for name in folders if name not in FOREIGN and not name.startswith(".") and deep < DEPTH
        )
        if here.name != "charts" and deep == 0 and (here / "charts").is_dir():
            folders.append("charts")  # a repository's own folder of charts; a chart's own has its parts
        if "Chart.yaml" in files:
            folders[:] = []
            yield here


def _samples(folder: Path) -> Iterator[tuple[Path, Object]]:
    for file in sorted((folder / "config" / "samples").glob("*.y*ml")):
        if file.name in KUSTOMIZATIONS:
            continue
        try:
            documents = goyaml.load_all(file.read_bytes())
        except goyaml.YAMLError as error:
            raise RepositoryError(f"{file} is not YAML: {error}") from None
        yield from ((file, one) for one in documents if isinstance(one, dict) and one.get("kind"))


def _main_package(folder: Path) -> str | None:
    if not (folder / "go.mod").is_file():
        return None
    for package in PACKAGES:
        if any(_MAIN.search(file.read_text("utf-8", "replace")) for file in (folder / package).glob("*.go")):
            return package if package == "." else f"./{package}"
    return None
