"""Build a module's Manifest from its template (contract 2.3)."""

import copy
from typing import Any

from kubeloop.resource import Object, labels_of, uid_of
from kyma_harness.kyma.contract import CHANNEL, CONTROLLER_NAME, KYMA, KYMA_NAME, MANIFEST, MODULE_NAME
from kyma_harness.managers.lifecycle_manager.templates import Component, TemplateError, component_of, text_of
from kyma_harness.oci.bundle import REPOSITORY_PREFIX

NOTHING = {"repo": "", "name": "", "ref": "", "type": ""}
_PARSE = "cannot convert templates: could not parse descriptor"
RESERVED = ("config", "crds")
"""Layers that are no charts."""


def build_manifest(kyma: Object, module_name: str, template: Object) -> Object:
    """Return the Manifest as it is created; raises TemplateError for a descriptor that cannot be followed."""
    name, namespace = f"{kyma['metadata']['name']}-{module_name}", kyma["metadata"]["namespace"]
    spec = template["spec"]
    layers = _layers(component_of(template))
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
            # The API server refuses one without: so the original learns that a module has no chart.
            "installs": charts or None,
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


def _layers(component: Component) -> list[tuple[str, dict[str, Any]]]:
    """Return name and source of each layer; without a repository there is none of them."""
    if not component.contexts:
        return []
    kind = text_of(component.contexts[-1], "type", "repositoryContexts")
    if kind != "ociRegistry":
        raise TemplateError(f"{_PARSE}: error while parsing context type {kind}: context type not supported")
    return [(text_of(layer, "name", "resources"), _source(layer, component)) for layer in component.resources]


def _source(layer: Object, component: Component) -> dict[str, Any]:
    access = layer.get("access")
    access = access if isinstance(access, dict) else {}
    match access.get("type"):
        case "localOciBlob":
            return _image(access, component)
        case "helmChartRepository":
            return {
                "type": "helm-chart",
                "url": text_of(access, "helmChartRepoUrl", "access"),
                "chartName": text_of(access, "helmChartName", "access"),
                "version": text_of(access, "helmChartVersion", "access"),
            }
        case other:
            raise TemplateError(
                f"{_PARSE}: error while parsing access type {other or ''}: access type not supported"
            )


def _image(access: Object, component: Component) -> dict[str, str]:
    context = component.contexts[-1]
    mapping = context.get("componentNameMapping")
    if mapping != "urlPath":
        raise TemplateError(
            f"{_PARSE}: building the digest url: error while parsing componentNameMapping {mapping or ''}: "
            "componentNameMapping not supported"
        )
    return {
        "repo": f"{text_of(context, 'baseUrl', 'repositoryContexts')}/{REPOSITORY_PREFIX}",
        "name": component.name,
        "ref": text_of(access, "digest", "access") or component.version,
        "type": "oci-ref",
    }
