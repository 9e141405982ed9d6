"""Check a module, pack it, and push it: the way that every bundle goes, whoever asks for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kubeloop.client import Client
from kyma_harness.kube.schema import violations
from kyma_harness.kyma.contract import MODULE_TEMPLATE, parse_objects
from kyma_harness.kyma.errors import BundleError
from kyma_harness.kyma.helm import Helm
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import BUILTIN_MANIFESTS
from kyma_harness.kyma.resource_check import check_by_schema, check_on_server
from kyma_harness.oci.bundle import Bundle, pack
from kyma_harness.oci.check import check
from kyma_harness.oci.registry import push
from kyma_harness.oci.template import template

DESCRIPTOR_SCHEMA = Path(__file__).with_name("descriptor.schema.yaml")
TEMPLATE_CRD = BUILTIN_MANIFESTS / "moduletemplates.yaml"


def check_template(text: str) -> None:
    """Hold a template against its CRD, and its descriptor against what the managers read of it.

    Raises :class:`BundleError` that lists each path with its value and what is allowed.
    """
    templates = [item for item in parse_objects(text, "the template") if item["kind"] == MODULE_TEMPLATE.kind]
    for item in templates:
        described = item.get("spec", {}).get("descriptor", {})
        problems = [
            *violations(item, _template_schema()),
            *(f"spec.descriptor.{one}" for one in violations(described, _read(DESCRIPTOR_SCHEMA))),
        ]
        if problems:
            listed = "".join(f"\n  {one}" for one in problems)
            raise BundleError(f"lifecycle-manager could not use {item['metadata']['name']}:{listed}")


def _template_schema() -> dict[str, Any]:
    schema: dict[str, Any] = _read(TEMPLATE_CRD)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A bundle that passed every check, and lies in its registry unless it was a dry run."""

    template: str
    """Its ModuleTemplate, as YAML."""
    judge: str
    """Who has found the default CR to be what its CRD allows."""
    notes: tuple[str, ...] = ()
    """What is better known, and no reason to refuse the module."""


async def _unchanged(bundle: Bundle) -> Bundle:
    return bundle


async def release(
    module: Module,
    registry: str,
    *,
    client: Client | None = None,
    base_url: str | None = None,
    insecure: bool = False,
    dry_run: bool = False,
    helm: Helm | None = None,
    adapt: Callable[[Bundle], Awaitable[Bundle]] = _unchanged,
) -> Release:
    """Check a module, push its bundle, and return its template; nothing is pushed where a check fails.

    ``registry`` is ``host:port/prefix`` as we reach it, ``base_url`` the same as the cluster reaches it. The
    default CR is judged by the API server of ``client``, without one by the schema of its CRD; the chart is
    rendered by ``helm``, without one not at all. ``adapt`` may change the bundle between its checks and the
    registry.
    """
    problems = await check(module, helm)
    if fatal := [problem.says for problem in problems if problem.is_fatal]:
        listed = "".join(f"\n  {one}" for one in fatal)
        raise BundleError(f"module {module.short_name} cannot be installed as it is:{listed}")
    if client is None:
        judge = await asyncio.to_thread(check_by_schema, module)
    else:
        judge = await check_on_server(module, client)
    bundle = await adapt(await asyncio.to_thread(pack, module))
    text = template(bundle, base_url or registry)
    await asyncio.to_thread(check_template, text)
    if not dry_run:
        await push(bundle, registry, base_url=base_url, insecure=insecure)
    return Release(template=text, judge=judge, notes=tuple(problem.says for problem in problems))
