"""The kinds of the lifecycle managers, and the names that bind them (contract 1)."""

from collections.abc import Iterable
from typing import Any

from kubeloop import goyaml
from kubeloop.resource import Kind, Object
from kyma_harness.kyma.errors import KymaError

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


ORDER = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "Role")
"""What others need before they can be; kinds that are not named here keep their order behind these."""


def parse_objects(text: str | bytes, source: str) -> list[Object]:
    """Parse a YAML stream; ``source`` names it in an error."""
    try:
        documents = [document for document in goyaml.load_all(text) if document]
    except goyaml.YAMLError as error:
        raise KymaError(f"{source} is not YAML: {error}") from None
    return [_object(document, source) for document in documents]


def _object(document: Any, source: str) -> Object:
    """Return a document that is an object: it says of which kind it is, and its metadata is a mapping."""
    given = document if isinstance(document, dict) else {}
    if not all(isinstance(given.get(key), str) and given[key] for key in ("apiVersion", "kind")):
        raise KymaError(f"{source}: a document in it is no Kubernetes object: it lacks apiVersion or kind")
    metadata = given.get("metadata")
    if not isinstance(metadata, dict | None):
        raise KymaError(f"{source}: the metadata of a {given['kind']} is no mapping")
    return {**given, "metadata": metadata or {}}


def in_order(objects: Iterable[Object]) -> list[Object]:
    """Sort objects so that each comes after what it needs."""
    return sorted(
        objects, key=lambda item: ORDER.index(item["kind"]) if item["kind"] in ORDER else len(ORDER)
    )
