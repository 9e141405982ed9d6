"""Check a ModuleTemplate and the descriptor in it, before anything is pushed."""

from pathlib import Path
from typing import Any

import yaml

from kyma_harness.kube.schema import violations
from kyma_harness.kyma.contract import MODULE_TEMPLATE
from kyma_harness.kyma.documents import parse_objects
from kyma_harness.kyma.errors import BundleError
from kyma_harness.kyma.pair import BUILTIN_MANIFESTS

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
