"""Build a module's Manifest from its template (contract 2.3)."""

import copy
from typing import Any

from kubeloop.resource import Object, labels_of, uid_of
from kyma_harness.kyma.contract import CHANNEL, CONTROLLER_NAME, KYMA, KYMA_NAME, MANIFEST, MODULE_NAME
from kyma_harness.managers.lifecycle_manager.templates import TemplateError
from kyma_harness.oci.bundle import REPOSITORY_PREFIX

NOTHING = {"repo": "", "name": "", "ref": "", "type": ""}
RESERVED = ("config", "crds")
"""Layers that are no charts."""


def build_manifest(kyma: Object, module_name: str, template: Object) -> Object:
    """Return the Manifest as it is created; raises TemplateError for a descriptor that cannot be followed."""
    name, namespace = f"{kyma['metadata']['name']}-{module_name}", kyma["metadata"]["namespace"]
    spec = template["spec"]
    layers = [(layer["name"], _source(layer, spec["descriptor"])) for layer in _layers(template)]
    # The original means to fill spec.crds from the layer of that name, but lets it fall into spec.config.
    configs = [source for layer, source in layers if layer in RESERVED]
    charts = [{"name": layer, "source": source} for layer, source in layers if layer not in RESERVED]
    return {
        "apiVersion": MANIFEST.api_version,
        "kind": MANIFEST.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": _labels(kyma, module_name, template),
            "ownerReferences": [_owner(kyma)],
        },
        "spec": {
            "remote": spec["target"] == "remote",
            "config": configs[-1] if configs else NOTHING,
            "crds": NOTHING,
            "installs": charts,
            "resource": _resource(template, name, namespace),
        },
    }


def updated(manifest: Object, wanted: Object) -> Object:
    """Return a Manifest with the spec and labels it should have.

    What module-manager put on it stays. The original writes it anew, and its finalizer is off for a moment.
    """
    changed = copy.deepcopy(manifest)
    changed["spec"] = wanted["spec"]
    changed["metadata"]["labels"] = {**labels_of(manifest), **labels_of(wanted)}
    changed["metadata"]["ownerReferences"] = wanted["metadata"]["ownerReferences"]
    return changed


def _labels(kyma: Object, module_name: str, template: Object) -> dict[str, str]:
    return {
        KYMA_NAME: kyma["metadata"]["name"],
        MODULE_NAME: module_name,
        CONTROLLER_NAME: labels_of(template).get(CONTROLLER_NAME, ""),
        CHANNEL: template["spec"]["channel"],
    }


def _owner(kyma: Object) -> Object:
    return {
        "apiVersion": KYMA.api_version,
        "kind": KYMA.kind,
        "name": kyma["metadata"]["name"],
        "uid": uid_of(kyma),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _resource(template: Object, name: str, namespace: str) -> Object:
    data = template["spec"].get("data")
    if not data:
        raise TemplateError(f"module template {template['metadata']['name']} has no spec.data to create")
    resource: Object = copy.deepcopy(data)
    resource.setdefault("metadata", {}).update(name=name, namespace=namespace)
    return resource


def _layers(template: Object) -> list[Object]:
    layers: list[Object] = template["spec"]["descriptor"].get("component", {}).get("resources") or []
    return layers


def _source(layer: Object, descriptor: Object) -> dict[str, Any]:
    access = layer.get("access") or {}
    match access.get("type"):
        case "localOciBlob":
            return _image(layer, access, descriptor["component"])
        case "helmChartRepository":
            return {
                "type": "helm-chart",
                "url": access["helmChartRepoUrl"],
                "chartName": access["helmChartName"],
                "version": access["helmChartVersion"],
            }
        case other:
            raise TemplateError(f"layer {layer['name']}: access type {other!r} is not supported")


def _image(layer: Object, access: Object, component: Object) -> dict[str, str]:
    contexts = component.get("repositoryContexts") or []
    if not contexts:
        raise TemplateError(f"component {component['name']} names no repository to take its layers from")
    context = contexts[-1]
    if context.get("type") != "ociRegistry" or context.get("componentNameMapping") != "urlPath":
        raise TemplateError(
            f"component {component['name']}: repository {context.get('baseUrl')} is not an ociRegistry "
            "with componentNameMapping urlPath"
        )
    return {
        "repo": f"{context['baseUrl']}/{REPOSITORY_PREFIX}",
        "name": component["name"],
        "ref": access.get("digest") or layer.get("version", ""),
        "type": "oci-ref",
    }
