"""Guess from what a repository installs which module it is: names, manager, images and default CR."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubeloop.resource import Object
from kyma_harness.scaffold.repository import Repository, RepositoryError

PROXY = "kube-rbac-proxy"
PROBES = "--health-probe-bind-address"
METRICS = "--metrics-bind-address"
ELECTION = "--leader-elect"
_VERSION = re.compile(r"v?((?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?)")
_SUFFIXES = re.compile(r"(-(manager|operator|controller|module))+$")
_NO_NAME = re.compile(r"[^a-z0-9-]+")
_PORT = re.compile(r":(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image of the module, and how the process node runs it; without a command it counts as running."""

    pattern: str
    """As a rule names it, such as ``*/keda-manager:*``."""
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    listen: Mapping[int, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """All that is written into the files, and for each field that was guessed, from what."""

    name: str
    version: str
    namespace: str
    deployment: str
    container: str
    kind: str
    api_version: str
    default_cr: Path | None
    """The sample that becomes the default CR; nothing where one has to be written."""
    images: Sequence[Image]
    reasons: Mapping[str, str]
    warnings: Sequence[str]

    @property
    def short_name(self) -> str:
        """The module's name in a Kyma."""
        return self.name.rpartition("/")[2]


def guess(found: Repository, objects: Sequence[Object]) -> Guess:
    """Guess what the module is from what its chart or kustomization renders to.

    Raises :class:`RepositoryError` where there is no CRD or no Deployment: it is no module then.
    """
    definition, sample = _custom_resource(found, objects)
    workload = _manager(objects, found)
    pod = workload["spec"]["template"]["spec"]
    container = _container(pod)
    base = str(found.project.get("projectName") or found.folder.name)
    short = _short(base, definition["spec"]["names"]["kind"])
    version, why = _version(container["image"])
    return Guess(
        name=f"kyma-project.io/module/{short}",
        version=version,
        namespace=str(workload["metadata"].get("namespace", "default")),
        deployment=str(workload["metadata"]["name"]),
        container=str(container["name"]),
        kind=str(definition["spec"]["names"]["kind"]),
        api_version=f"{definition['spec']['group']}/{_served(definition)}",
        default_cr=sample,
        images=_images(objects, container, found.main),
        reasons={
            "name": f"guessed from {base!r}; the last part is the module's name in a Kyma",
            "version": why,
            "manager": "guessed: the Deployment whose pods look like a manager's"
            if len(_deployments(objects)) > 1
            else "",
            "defaultCR": "written here: config/samples has none of its kind" if sample is None else "",
        },
        warnings=_warnings(definition, objects, workload),
    )


def _deployments(objects: Sequence[Object]) -> list[Object]:
    return [one for one in objects if one["kind"] in ("Deployment", "StatefulSet")]


def _custom_resource(found: Repository, objects: Sequence[Object]) -> tuple[Object, Path | None]:
    """Return the CRD of the module's own custom resource and a sample of it, the one with a state first."""
    definitions = [one for one in objects if one["kind"] == "CustomResourceDefinition"]
    if not definitions:
        raise RepositoryError(
            f"{found.source} installs no CustomResourceDefinition, and a module has a custom resource",
            remedy="put its CRD into the chart's crds/, or name what has it with --chart",
        )
    best = min(definitions, key=lambda one: (not _has_state(one), not _sample(found, one)))
    return best, _sample(found, best)


def _sample(found: Repository, definition: Object) -> Path | None:
    names, group = definition["spec"]["names"], definition["spec"]["group"]
    for file, one in found.samples:
        if one["kind"] == names["kind"] and str(one.get("apiVersion", "")).partition("/")[0] == group:
            return file
    return None


def _served(definition: Object) -> str:
    versions = definition["spec"]["versions"]
    return str(next((one["name"] for one in versions if one.get("storage")), versions[0]["name"]))


def _has_state(definition: Object) -> bool:
    return any("state" in _status_of(one).get("properties", {}) for one in definition["spec"]["versions"])


def _status_of(version: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    status: Mapping[str, Any] = (schema.get("properties") or {}).get("status") or {}
    return status


def _manager(objects: Sequence[Object], found: Repository) -> Object:
    workloads = _deployments(objects)
    if not workloads:
        raise RepositoryError(
            f"{found.source} installs no Deployment that could be the module's manager",
            remedy="name what has it with --chart",
        )
    return min(workloads, key=lambda one: (one["kind"] != "Deployment", not _looks_like_a_manager(one)))


def _looks_like_a_manager(workload: Object) -> bool:
    names = [one["name"] for one in workload["spec"]["template"]["spec"]["containers"]]
    return (
        "manager" in names
        or re.search(r"manager|operator|controller", workload["metadata"]["name"]) is not None
    )


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    containers: Sequence[Mapping[str, Any]] = pod["containers"]
    own = [one for one in containers if PROXY not in one["image"]] or containers
    return next((one for one in own if one["name"] == "manager"), own[0])


def _short(base: str, kind: str) -> str:
    """Return a name that a module may have: ``keda`` of ``keda-manager``."""
    plain = _NO_NAME.sub("-", base.lower()).strip("-")
    short = _SUFFIXES.sub("", plain) or plain
    usable = re.fullmatch(r"[a-z][a-z0-9-]{1,61}[a-z0-9]", short)
    return short if usable else f"{kind.lower()}-module"


def _version(image: str) -> tuple[str, str]:
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if match := _VERSION.fullmatch(tag):
        return match[1], "the tag of the manager's image"
    return "0.0.1", f"a beginning: {'the tag ' + tag if tag else 'the image'} says none"


def _images(objects: Sequence[Object], manager: Mapping[str, Any], main: str | None) -> list[Image]:
    """Return the images of all workloads, the manager's first."""
    found = [_of_manager(manager, main)]
    for workload in _deployments(objects):
        pod = workload["spec"]["template"]["spec"]
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            pattern = _pattern(container["image"])
            if pattern not in {one.pattern for one in found}:
                found.append(
                    Image(pattern=pattern, why="nothing stands for it yet: it only counts as running")
                )
    return found


def _of_manager(container: Mapping[str, Any], main: str | None) -> Image:
    given = [str(one) for one in container.get("args", ())]
    election = any(one.startswith(ELECTION) for one in [*map(str, container.get("command", ())), *given])
    return Image(
        pattern=_pattern(container["image"]),
        command=("{module}/../bin/manager",),
        args=(f"{ELECTION}=false",) if election else (),
        listen=_listen(container, given) if main else {},
        why=f"build it first: `go build -o bin/manager {main}`"
        if main
        else "the program that is in the image",
    )


def _listen(container: Mapping[str, Any], given: Sequence[str]) -> dict[int, str]:
    """Return the ports on which kubebuilder's manager listens, by the flags that tell it another address."""
    ports = {}
    for flag, usual in ((PROBES, _probed(container)), (METRICS, None)):
        said = next((one.partition("=")[2] for one in given if one.startswith(f"{flag}=")), "")
        port = _PORT.search(said)
        if number := int(port[1]) if port else usual:
            ports[number] = f"{flag}={{address}}"
    return ports


def _probed(container: Mapping[str, Any]) -> int | None:
    for probe in ("readinessProbe", "livenessProbe"):
        port = ((container.get(probe) or {}).get("httpGet") or {}).get("port")
        named = next(
            (one["containerPort"] for one in container.get("ports", ()) if one.get("name") == port), port
        )
        if isinstance(named, int):
            return named
    return None


def _pattern(image: str) -> str:
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return f"*{name}:*" if "/" not in image else f"*/{name}:*"


def _warnings(definition: Object, objects: Sequence[Object], workload: Object) -> list[str]:
    kind = definition["spec"]["names"]["kind"]
    said = []
    if not _has_state(definition):
        said.append(
            f"the CRD of {kind} has no status.state, where the lifecycle managers wait for Ready: they would "
            "never see it"
        )
    elif not all("status" in (one.get("subresources") or {}) for one in definition["spec"]["versions"]):
        said.append(f"the CRD of {kind} has no status subresource: add `subresources: {{status: {{}}}}`")
    if "namespace" not in workload["metadata"]:
        said.append(f"Deployment {workload['metadata']['name']} has no namespace: it would come into default")
    if spaces := [one["metadata"]["name"] for one in objects if one["kind"] == "Namespace"]:
        said.append(
            f"Namespace {', '.join(spaces)} is part of what is installed: module-manager takes it away with "
            "the module, and all that is in it"
        )
    return said
