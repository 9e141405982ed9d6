"""Write the ModuleTemplate that hands a module to lifecycle-manager (contract 3.2, 4.1)."""

from typing import Any

from kubeloop import goyaml
from kyma_harness.oci.bundle import Bundle, descriptor

GROUP = "operator.kyma-project.io"
KCP_NAMESPACE = "kcp-system"
HEADER = """\
# Written by `kyma-harness bundle`; a test fails when it is stale. Change the module, not this file.
"""


def template_objects(bundle: Bundle, base_url: str) -> list[dict[str, Any]]:
    """Return the manager's namespace and the ModuleTemplate.

    The namespace cannot be in the chart: on removal module-manager deletes whatever the chart holds, and
    a namespace takes every retained volume claim in it along (contract 2.7).
    """
    namespace = bundle.module.manager.namespace
    objects = [_module_template(bundle, base_url)]
    if namespace != KCP_NAMESPACE:
        objects.insert(0, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    return objects


def template(bundle: Bundle, base_url: str) -> str:
    """Return the same as YAML for ``kubectl apply -f`` and ``kyma alpha deploy --template``.

    ``base_url`` is the registry and prefix as the cluster reaches them, without a scheme, for example
    ``k3d-kyma-registry.localhost:5000/unsigned``.
    """
    return HEADER + goyaml.dump_all(template_objects(bundle, base_url))


def _module_template(bundle: Bundle, base_url: str) -> dict[str, Any]:
    module, described = bundle.module, descriptor(bundle, base_url)
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "ModuleTemplate",
        "metadata": {
            "name": f"moduletemplate-{module.short_name}",
            "namespace": KCP_NAMESPACE,
            "labels": {
                f"{GROUP}/managed-by": "lifecycle-manager",
                f"{GROUP}/controller-name": "manifest",
                f"{GROUP}/module-name": module.short_name,
            },
            "annotations": {
                f"{GROUP}/module-version": module.version,
                f"{GROUP}/module-provider": module.provider,
                f"{GROUP}/descriptor-schema-version": described["meta"]["schemaVersion"],
            },
        },
        "spec": {
            "target": module.target,
            "channel": module.channel,
            "data": dict(module.default_cr),
            "descriptor": described,
        },
    }
