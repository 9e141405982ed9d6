"""Who takes care of what in a cluster with Kyma's lifecycle managers and a module."""

from collections.abc import Iterator

from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.kyma.contract import (
    KCP_NAMESPACE,
    KYMA,
    KYMA_FINALIZER,
    MANIFEST,
    MANIFEST_FINALIZER,
    MODULE_TEMPLATE,
)
from kyma_harness.kyma.module import Module
from kyma_harness.wait.relations import Relations
from kyma_harness.wait.target import Target

LIFECYCLE_MANAGER = ObjectKey(KCP_NAMESPACE, "lifecycle-manager-controller-manager")
MODULE_MANAGER = ObjectKey(KCP_NAMESPACE, "module-manager-controller-manager")


def kyma_relations(module: Module) -> Relations:
    """Return the relations of the contract's kinds and of the module's custom resource."""
    resource = Kind.of(dict(module.default_cr))
    manager = ObjectKey(module.manager.namespace, module.manager.deployment)
    own = {module.verification.finalizer: manager} if module.verification.finalizer else {}
    return Relations(
        stewards={
            KYMA.group_kind: LIFECYCLE_MANAGER,
            MODULE_TEMPLATE.group_kind: LIFECYCLE_MANAGER,
            MANIFEST.group_kind: MODULE_MANAGER,
            resource.group_kind: manager,
        },
        finalizers={KYMA_FINALIZER: LIFECYCLE_MANAGER, MANIFEST_FINALIZER: MODULE_MANAGER, **own},
        parts=lambda obj: _parts(obj, resource),
        whole=lambda target: _whole(target, resource, module.short_name),
        kinds=(KYMA, MANIFEST, resource),
    )


def _whole(target: Target, resource: Kind, module: str) -> Target | None:
    """Return the Manifest of a custom resource, and the Kyma of a Manifest (contract 2.3)."""
    if target.kind.group_kind == resource.group_kind:
        return Target(kind=MANIFEST, name=target.name, namespace=target.namespace)
    if target.kind == MANIFEST and target.name.endswith(f"-{module}"):
        return Target(kind=KYMA, name=target.name.removesuffix(f"-{module}"), namespace=target.namespace)
    return None


def _parts(obj: Object, resource: Kind) -> Iterator[Target]:
    """Yield a Kyma's Manifests, and a Manifest's custom resource, which has its name (contract 2.3)."""
    metadata = obj["metadata"]
    if obj["kind"] == KYMA.kind:
        for entry in (obj.get("status") or {}).get("moduleStatus") or []:
            name, namespace = entry.get("name"), entry.get("namespace")
            if name and namespace:
                yield Target(kind=MANIFEST, name=name, namespace=namespace)
    elif obj["kind"] == MANIFEST.kind:
        yield Target(kind=resource, name=metadata["name"], namespace=metadata["namespace"])
