"""Make a chart of what a module installs where that is none: a kustomization, or a file of YAML.

module-manager of December 2022 takes away the definitions that lie in a chart's ``crds/``, so what is no
chart becomes one, as ``kyma alpha create module`` did with kubebuilder's ``config/default`` (contract 4.1).
"""

import asyncio
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kubeloop import goyaml
from kubeloop.resource import Object
from kyma_harness.host.errors import CommandError
from kyma_harness.host.paths import private_folder
from kyma_harness.host.process import run
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.errors import ModuleError
from kyma_harness.kyma.module import Module

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
BUILD_SECONDS = 60.0
_OPENING = re.compile(r"\{\{")
_UNSAFE = re.compile(r"[^a-z0-9.-]+")


def is_chart(source: Path) -> bool:
    """Tell whether a folder is a Helm chart."""
    return (source / "Chart.yaml").is_file()


def is_kustomization(source: Path) -> bool:
    """Tell whether a folder is one that kustomize builds."""
    return any((source / name).is_file() for name in KUSTOMIZATIONS)


async def charted(module: Module, *, kubectl: Path, cache: Path) -> Module:
    """Return the module with a chart; one that has a chart as it is.

    The chart is written below ``cache``, in a folder named after its content. Raises :class:`ModuleError`
    where the source is nothing of which a chart can be made, or does not build.
    """
    if is_chart(module.chart):
        return module
    objects = await _objects(module, kubectl)
    folder = await asyncio.to_thread(_written, module, objects, cache)
    return replace(module, chart=folder)


async def objects_of(source: Path, kubectl: Path) -> list[Object]:
    """Return what is in a file of YAML, or what a kustomization builds.

    Raises :class:`CommandError` where it does not build, and KymaError where that is no YAML.
    """
    if await asyncio.to_thread(source.is_file):
        return parse_objects(await asyncio.to_thread(source.read_text, encoding="utf-8"), str(source))
    built = await run([kubectl, "kustomize", source], timeout=BUILD_SECONDS)
    return parse_objects(built.stdout, str(source))


async def _objects(module: Module, kubectl: Path) -> list[Object]:
    source = module.chart
    if not source.is_file() and not is_kustomization(source):
        raise ModuleError(
            f"module {module.short_name}: {source} is no chart (it has no Chart.yaml) and no kustomization: "
            "name the folder of one of them, or a file of YAML, in module.yaml, chart"
        )
    try:
        return await objects_of(source, kubectl)
    except CommandError as error:
        raise ModuleError(f"module {module.short_name}: {source} does not build: {error}") from None


def _written(module: Module, objects: Sequence[Object], cache: Path) -> Path:
    """Write the chart if it is not there yet, whole or not at all, and return its folder."""
    files = _files(module, objects)
    digest = hashlib.sha256("".join(f"{path}\0{text}\0" for path, text in files.items()).encode()).hexdigest()
    folder = private_folder(cache / "charts") / f"{module.short_name}-{digest[:16]}"
    if folder.is_dir():
        return folder
    with TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "chart"
        for path, text in files.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(text, encoding="utf-8")
        try:
            os.rename(made, folder)  # noqa: PTH104 - what another process made meanwhile has the same content
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _files(module: Module, objects: Sequence[Object]) -> dict[str, str]:
    """Return the chart's files, the definitions in one: module-manager loses all but the last of several."""
    definitions = [one for one in objects if one["kind"] == "CustomResourceDefinition"]
    about = {"apiVersion": "v2", "name": module.short_name, "type": "application", "version": module.version}
    files = {"Chart.yaml": goyaml.dump(about)}
    if definitions:
        files["crds/crds.yaml"] = goyaml.dump_all(definitions)
    for number, one in enumerate((one for one in objects if one not in definitions), start=1):
        name = _UNSAFE.sub("-", f"{one['kind']}-{one['metadata'].get('name', '')}".lower())
        files[f"templates/{number:03}-{name}.yaml"] = _literal(goyaml.dump(one))
    return files


def _literal(text: str) -> str:
    """Write a text so that Helm renders it to itself: dashboards and docs are full of braces."""
    return _OPENING.sub('{{ "{{" }}', text)
