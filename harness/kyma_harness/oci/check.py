"""Judge a module before anybody meets it, without a cluster: what the managers could not do with it.

Each judgement is a function of its own, from what it looks at to the problems it finds; ``check`` asks all.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeloop import goyaml
from kubeloop.kinds import CRD, DEPLOYMENT, NAMESPACE
from kubeloop.resource import Object
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.crds import DefinitionFile, definition_files
from kyma_harness.kyma.errors import KymaError
from kyma_harness.kyma.helm import Helm
from kyma_harness.kyma.installation import Settings, check_flags, entries_of, settings_of
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.resource_check import check_by_schema
from kyma_harness.node.errors import NodeError
from kyma_harness.node.rules.rules import Rules

_ANY_PORT = range(1 << 16)
MANAGERS = ("lifecycle-manager", "module-manager")
"""What the images of the lifecycle managers are called, wherever they come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that will go wrong, or that is better known before."""

    says: str
    is_fatal: bool = True
    """Whether the module cannot be installed, become Ready, or be removed because of it."""


async def check(module: Module, helm: Helm | None) -> list[Problem]:
    """Return all problems of a module; what needs a rendered chart is left out where there is no helm."""
    found = [*chart_problems(module.chart), *rule_problems(module)]
    if helm is None:
        return [*found, Problem(says="the chart was not rendered: no helm is at hand", is_fatal=False)]
    try:
        settings = await _settings(module, helm)
        check_flags(settings)
    except KymaError as error:
        return [*found, Problem(says=str(error))]
    if any(problem.is_fatal for problem in found):
        return found
    try:
        text = await helm.template(
            module.chart,
            release=module.short_name,
            namespace=settings.namespace,
            overrides=settings.overrides,
        )
        objects = parse_objects(text, f"the chart of module {module.short_name}")
    except KymaError as error:
        return [Problem(says=f"helm cannot render {module.chart}: {error}")]
    return [
        *found,
        *object_problems(objects),
        *manager_problems(objects, module, settings),
        *image_problems(objects, module),
    ]


async def check_thoroughly(module: Module, helm: Helm | None) -> list[Problem]:
    """Return the same, and whether the default CR is what its CRD allows, as far as its schema says."""
    found = await check(module, helm)
    try:
        await asyncio.to_thread(check_by_schema, module)
    except KymaError as error:
        told = Problem(says=str(error))
        return found if told in found else [*found, told]
    return found


async def _settings(module: Module, helm: Helm) -> Settings:
    content = await asyncio.to_thread(module.config.read_bytes)
    source = str(module.config)
    return await settings_of(module.short_name, entries_of(content, source), helm, source)


def chart_problems(chart: Path) -> Iterator[Problem]:
    """Find what module-manager cannot install or, without definitions, cannot take away again."""
    yield from _chart_file_problems(chart)
    try:
        files = [(file, file.objects()) for file in definition_files(chart)]
    except KymaError as error:
        yield Problem(says=f"{chart}: {error}")
        return
    definitions = [item for _, objects in files for item in objects if item["kind"] == CRD.kind]
    yield from _list_problems(chart, files)
    if not definitions:
        yield Problem(
            says=f"{chart} has no CRD in crds/: module-manager of December 2022 cannot uninstall such a "
            "module (contract 2.9); put the custom resource's CRD there"
        )
    used = [file.name for file, objects in files if objects]
    if len(used) > 1:
        yield Problem(
            says=f"{chart} has definitions in {len(used)} files ({', '.join(used)}), and module-manager of "
            "December 2022 puts them together without a separator, so that the last definition of a file "
            "is lost: put all of them into one file, with `---` between them"
        )


def _chart_file_problems(chart: Path) -> Iterator[Problem]:
    file = chart / "Chart.yaml"
    if not file.is_file():
        yield Problem(says=f"{chart} has no Chart.yaml: name the chart's folder in module.yaml, chart")
        return
    try:
        about = goyaml.load(file.read_bytes())
    except goyaml.YAMLError as error:
        yield Problem(says=f"{file} is not YAML: {error}")
        return
    if not isinstance(about, dict) or not about.get("name") or not about.get("version"):
        yield Problem(says=f"{file} lacks a name or a version: helm refuses to render it")


def _list_problems(chart: Path, files: Sequence[tuple[DefinitionFile, list[Object]]]) -> Iterator[Problem]:
    for file, objects in files:
        for item in objects:
            if item["kind"].endswith("List") and "items" in item:
                yield Problem(
                    says=f"{chart / file.name} holds a {item['kind']}, which module-manager does not take "
                    "apart: write each definition as a document of its own"
                )


def object_problems(objects: Iterable[Object]) -> Iterator[Problem]:
    """Find objects of the chart that module-manager cannot install, or that take too much along."""
    for item in objects:
        name = item["metadata"].get("name")
        if not isinstance(name, str) or not name:
            yield Problem(
                says=f"a {item['kind']} of the chart has no name: module-manager installs neither "
                "generateName nor a List, whose items have to be documents of their own"
            )
        elif item["kind"] == NAMESPACE.kind:
            yield Problem(
                says=f"the chart brings Namespace {name}, which goes with the module, and all that is in "
                "it: leave it out; the namespace of the manager is made beside the template",
                is_fatal=False,
            )


def manager_problems(objects: Sequence[Object], module: Module, settings: Settings) -> Iterator[Problem]:
    """Find whether the chart has the Deployment that module.yaml names, with the container."""
    wanted = (module.manager.namespace, module.manager.deployment)
    there = {
        (item["metadata"].get("namespace") or settings.namespace, str(item["metadata"].get("name"))): item
        for item in objects
        if item["kind"] == DEPLOYMENT.kind
    }
    if wanted not in there:
        known = ", ".join("/".join(key) for key in sorted(there)) or "none"
        yield Problem(
            says=f"the chart has no Deployment {'/'.join(wanted)}, which module.yaml says is the manager; "
            f"its Deployments are: {known}"
        )
        return
    names = [one.get("name") for one in _containers(there[wanted])]
    if module.manager.container not in names:
        yield Problem(
            says=f"Deployment {'/'.join(wanted)} has no container {module.manager.container}; name one of "
            f"{', '.join(map(str, names))} in module.yaml, manager.container"
        )


def rule_problems(module: Module) -> Iterator[Problem]:
    """Find rules that cannot be read, and those that take the lifecycle managers for the module's."""
    if module.rules is None:
        return
    try:
        rules = Rules.load([module.rules])
    except NodeError as error:
        yield Problem(says=str(error))
        return
    for rule in rules.rules:
        taken = [
            name for name in MANAGERS if rule.matches(f"eu.gcr.io/kyma-project/{name}:latest", _ANY_PORT)
        ]
        if taken:
            yield Problem(
                says=f"{rule.where} also matches the image of {' and '.join(taken)}, whose own rules come "
                "first: make it narrower",
                is_fatal=False,
            )


def image_problems(objects: Iterable[Object], module: Module) -> Iterator[Problem]:
    """Find images of the chart that the process node would not know how to run."""
    try:
        rules = Rules.load([module.rules] if module.rules else [])
    except NodeError:
        return  # told already
    for item in objects:
        for container in _containers(item):
            image = container.get("image")
            declared = [port.get("containerPort") for port in _mappings(container.get("ports"))]
            ports = [port for port in declared if isinstance(port, int)]
            if isinstance(image, str) and not any(rule.matches(image, ports) for rule in rules.rules):
                yield Problem(
                    says=f"no rule of the module says what runs image {image} of {item['kind']} "
                    f"{item['metadata'].get('name')}: where pods are processes it cannot start",
                    is_fatal=False,
                )


def _containers(item: Object) -> list[dict[str, Any]]:
    """Return the containers of a workload's pods, whatever kind of workload it is."""
    if item["apiVersion"] not in ("v1", "apps/v1", "batch/v1"):
        return []
    spec = item.get("spec")
    while isinstance(spec, dict) and "containers" not in spec:
        inner = spec.get("template") or spec.get("jobTemplate")
        spec = inner.get("spec") if isinstance(inner, dict) else None
    if not isinstance(spec, dict):
        return []
    return [*_mappings(spec.get("initContainers")), *_mappings(spec.get("containers"))]


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
