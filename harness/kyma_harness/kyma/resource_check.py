"""Check a module's custom resource against its own CRD, before anybody meets the module."""

import copy
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import ApiError, ConflictError, InvalidError, NotFoundError
from kubeloop.kinds import CRD
from kubeloop.resource import Kind, Object, uid_of
from kyma_harness.kube.schema import violations
from kyma_harness.kyma.crds import definitions_in
from kyma_harness.kyma.errors import ModuleError
from kyma_harness.kyma.module import Module
from kyma_harness.wait.claims import has_condition
from kyma_harness.wait.waits import Target, wait_for

ESTABLISHED_WITHIN = 30.0
LABEL = "kyma-harness.io/check"
"""The label of a definition that is there for a check alone."""
FORGOTTEN_AFTER = timedelta(minutes=10)
"""No check takes so long: who made such a definition is dead."""
STRICTLY = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "kyma-harness"}


def check_by_schema(module: Module) -> str:
    """Hold the default CR against the schema in the chart's ``crds/``; returns how it was checked.

    That leaves out what only an API server knows: rules in CEL, formats, and patterns of Go's own.
    """
    resource = dict(module.default_cr)
    definition = definition_of(module)
    version = _version(definition, Kind.of(resource))
    described = version.get("schema")
    schema = described.get("openAPIV3Schema") if isinstance(described, dict) else None
    problems = violations(resource, schema if isinstance(schema, dict) else {})
    if problems:
        raise ModuleError(_refusal(module, problems))
    return "the CRD's schema"


async def check_on_server(module: Module, client: Client) -> str:
    """Let an API server judge the default CR by all of its rules; returns how it was checked.

    It is given a copy of the CRD in a group of its own for that moment, so that one which is installed, and
    may be older, does not matter.
    """
    definition = definition_of(module)
    async with _defined(client, _moved(definition, f"check-{uuid.uuid4().hex[:8]}")) as moved:
        await _try_out(module, client, moved)
    return f"the API server {client.server}"


def definition_of(module: Module) -> Object:
    """Return the CRD of the default CR's kind from the chart; ModuleError where there is none."""
    kind = Kind.of(dict(module.default_cr))
    for item in definitions_of(module):
        if (item["spec"]["group"], item["spec"]["names"]["kind"]) == (kind.group, kind.kind):
            return item
    raise ModuleError(
        f"module {module.short_name}: neither {module.chart / 'crds'} nor a sub-chart's crds/ defines the "
        f"default CR's {kind}"
    )


def kinds_of(module: Module) -> list[Kind]:
    """Return the kinds that the chart defines, each in the version that is stored."""
    return [
        Kind(group=item["spec"]["group"], version=_stored(item), kind=item["spec"]["names"]["kind"])
        for item in definitions_of(module)
    ]


def _stored(definition: Object) -> str:
    versions: list[dict[str, Any]] = definition["spec"]["versions"]
    return next((str(one["name"]) for one in versions if one.get("storage")), str(versions[0]["name"]))


async def _try_out(module: Module, client: Client, definition: Object) -> None:
    resource = copy.deepcopy(dict(module.default_cr))
    kind = Kind.of(resource)
    group, plural = definition["spec"]["group"], definition["spec"]["names"]["plural"]
    _version(definition, kind)
    resource["apiVersion"] = f"{group}/{kind.version}"
    metadata = resource.setdefault("metadata", {})
    metadata.setdefault("name", module.short_name)
    path = f"/apis/{group}/{kind.version}"
    if definition["spec"]["scope"] == "Namespaced":
        metadata["namespace"] = "default"
        path += "/namespaces/default"
    # A definition is Established a moment before its kind is served.
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(NotFoundError),
        stop=stop_after_delay(ESTABLISHED_WITHIN),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    try:
        # Applied, it is judged as when it is created, but at once: an API server holds back each creation of
        # an object whose definition is less than two seconds old.
        await retrying(
            client.request,
            "PATCH",
            f"{path}/{plural}/{metadata['name']}",
            query=STRICTLY,
            body=resource,
            content_type="application/apply-patch+yaml",
        )
    except ApiError as error:
        said = error.message.replace(group, kind.group)
        raise ModuleError(_refusal(module, [said])) from None


@asynccontextmanager
async def _defined(client: Client, definition: Object) -> AsyncIterator[Object]:
    name = definition["metadata"]["name"]
    try:
        made = await client.create(definition)
    except InvalidError as error:
        raise ModuleError(f"the API server does not take the chart's CRD: {error.message}") from None
    try:
        await remove_forgotten(client, before=_created(made) - FORGOTTEN_AFTER)
        target = Target(kind=CRD, name=name)
        claim = has_condition("Established")
        await wait_for(client, target, claim, what="be Established", within=ESTABLISHED_WITHIN)
        yield definition
    finally:
        await client.delete(CRD, name)


async def remove_forgotten(client: Client, *, before: datetime | None = None) -> None:
    """Remove the definitions that checks have left which were killed: all, or those made before a time."""
    for item in (await client.list(CRD, label_selector=LABEL)).items:
        if before is None or _created(item) < before:
            with suppress(NotFoundError, ConflictError):
                await client.delete(CRD, item["metadata"]["name"], uid=uid_of(item))


def _created(item: Object) -> datetime:
    return datetime.fromisoformat(item["metadata"]["creationTimestamp"])


def _moved(definition: Object, prefix: str) -> Object:
    moved = copy.deepcopy(definition)
    spec = moved["spec"]
    spec["group"] = f"{prefix}.{spec['group']}"
    spec.pop("conversion", None)  # whoever converts is not there yet
    moved["metadata"] = {"name": f"{spec['names']['plural']}.{spec['group']}", "labels": {LABEL: "true"}}
    if spec["group"].endswith((".k8s.io", ".kubernetes.io")):
        moved["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, for a moment"}
    return moved


def _version(definition: Object, kind: Kind) -> dict[str, Any]:
    versions: list[dict[str, Any]] = definition["spec"]["versions"]
    for version in versions:
        if version["name"] == kind.version:
            return version
    known = ", ".join(version["name"] for version in versions)
    raise ModuleError(f"the default CR is of version {kind.version}; its CRD has {known}")


def definitions_of(module: Module) -> list[Object]:
    """Return the chart's definitions, its sub-charts' too; ModuleError for one that says too little."""
    found = definitions_in(module.chart)
    for item in found:
        if lacking := ", ".join(_lacking(item)):
            name = item["metadata"].get("name", "without a name")
            raise ModuleError(f"module {module.short_name}: the CRD {name} of its chart lacks {lacking}")
    return found


def _lacking(definition: Object) -> Iterator[str]:
    spec = definition.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    names = spec.get("names")
    names = names if isinstance(names, dict) else {}
    if not isinstance(spec.get("group"), str):
        yield "spec.group"
    for key in ("kind", "plural"):
        if not isinstance(names.get(key), str):
            yield f"spec.names.{key}"
    versions = spec.get("versions")
    named = isinstance(versions, list) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in versions
    )
    if not versions or not named:
        yield "spec.versions with names"


def _refusal(module: Module, problems: list[str]) -> str:
    listed = "".join(f"\n  {one}" for one in problems)
    return f"the default CR of module {module.short_name} is not what its CRD allows:{listed}"
