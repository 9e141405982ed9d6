"""What the built-in pair installs has the structure and the names of the original."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from kyma_harness.kyma.pair import BUILTIN_MANIFESTS, MANIFESTS

ORIGINAL = Path(os.environ.get("KYMA_DIST", ""))
needs_original = pytest.mark.skipif(
    not (ORIGINAL / MANIFESTS[0]).is_file(), reason="$KYMA_DIST names no folder with the original manifests"
)
WORDS = ("description",)


def objects(paths: list[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Read objects by kind and name."""
    documents = [one for path in paths for one in yaml.safe_load_all(path.read_text()) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def original() -> dict[tuple[str, str], dict[str, Any]]:
    return objects([ORIGINAL / name for name in MANIFESTS])


def ours() -> dict[tuple[str, str], dict[str, Any]]:
    return objects(sorted(BUILTIN_MANIFESTS.glob("*.yaml")))


def structure(schema: Any) -> Any:
    """Leave out words, and what is said twice: the original's enum of enums, and the order of names."""
    if isinstance(schema, dict):
        if "allOf" in schema:
            schema = {**schema, "enum": schema["allOf"][0]["enum"]}
        return {
            key: sorted(value) if key in ("required", "enum") else structure(value)
            for key, value in schema.items()
            if not (key in WORDS and isinstance(value, str)) and key != "allOf"
        }
    return [structure(one) for one in schema] if isinstance(schema, list) else schema


@needs_original
@pytest.mark.parametrize("plural", ["kymas", "moduletemplates", "manifests"])
def test_a_definition_has_the_structure_of_the_original(plural: str):
    key = ("CustomResourceDefinition", f"{plural}.operator.kyma-project.io")

    assert structure(ours()[key]["spec"]) == structure(original()[key]["spec"])


@needs_original
def test_every_object_but_the_definitions_has_its_namesake_in_the_original():
    here = {key for key in ours() if key[0] != "CustomResourceDefinition"}

    assert here <= original().keys()


@needs_original
@pytest.mark.parametrize("name", ["lifecycle-manager", "module-manager"])
def test_a_deployment_is_probed_and_reached_like_the_original(name: str):
    key = ("Deployment", f"{name}-controller-manager")
    pod, expected = (found[key]["spec"]["template"]["spec"] for found in (ours(), original()))
    container, model = pod["containers"][0], expected["containers"][0]

    assert pod["serviceAccountName"] == expected["serviceAccountName"]
    assert (container["name"], container["args"]) == (model["name"], model["args"])
    assert container["livenessProbe"] == model["livenessProbe"]
    assert container["readinessProbe"] == model["readinessProbe"]
    assert {port["name"] for port in container["ports"]} <= {port["name"] for port in model["ports"]}


@needs_original
def test_module_manager_may_not_install_anything_before_it_is_granted_the_right():
    rules = ours()["ClusterRole", "module-manager-manager-role"]["rules"]

    groups = {group for rule in rules for group in rule["apiGroups"]}

    assert groups <= {
        group
        for rule in original()["ClusterRole", "module-manager-manager-role"]["rules"]
        for group in rule["apiGroups"]
    }
