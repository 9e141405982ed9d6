"""The kinds of the lifecycle managers, and the names that bind them (contract 1)."""

from kubeloop.resource import Kind

GROUP = "operator.kyma-project.io"
KCP_NAMESPACE = "kcp-system"
DEFAULT_KYMA = "default-kyma"

KYMA = Kind(group=GROUP, version="v1alpha1", kind="Kyma")
MODULE_TEMPLATE = Kind(group=GROUP, version="v1alpha1", kind="ModuleTemplate")
MANIFEST = Kind(group=GROUP, version="v1alpha1", kind="Manifest")

MANAGED_BY = f"{GROUP}/managed-by"
LIFECYCLE_MANAGER = "lifecycle-manager"
CONTROLLER_NAME = f"{GROUP}/controller-name"
MODULE_NAME = f"{GROUP}/module-name"
KYMA_NAME = f"{GROUP}/kyma-name"
CHANNEL = f"{GROUP}/channel"
CACHE_KEY = f"{GROUP}/cache-key"
KYMA_FINALIZER = f"{GROUP}/Kyma"
MANIFEST_FINALIZER = f"{GROUP}/manifest"
