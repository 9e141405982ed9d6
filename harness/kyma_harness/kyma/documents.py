"""Read Kubernetes objects from YAML, and put them into an order in which they can be applied."""

from collections.abc import Iterable
from pathlib import Path

from kubeloop import goyaml
from kubeloop.resource import Object
from kyma_harness.kyma.errors import KymaError

ORDER = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "Role")
"""What others need before they can be; kinds that are not named here keep their order behind these."""


def parse_objects(text: str | bytes, source: str) -> list[Object]:
    """Parse a YAML stream; ``source`` names it in an error."""
    try:
        documents = [document for document in goyaml.load_all(text) if document]
    except goyaml.YAMLError as error:
        raise KymaError(f"{source} is not YAML: {error}") from None
    for document in documents:
        if not isinstance(document, dict) or not document.get("kind") or not document.get("apiVersion"):
            raise KymaError(
                f"{source}: a document in it is no Kubernetes object: it lacks apiVersion or kind"
            )
    return documents


def definitions_in(chart: Path) -> list[Object]:
    """Return what lies in a chart's ``crds/``, each of which is a CustomResourceDefinition."""
    files = sorted((chart / "crds").glob("*.y*ml")) if (chart / "crds").is_dir() else []
    return [item for file in files for item in parse_objects(file.read_bytes(), str(file))]


def in_order(objects: Iterable[Object]) -> list[Object]:
    """Sort objects so that each comes after what it needs."""
    return sorted(
        objects, key=lambda item: ORDER.index(item["kind"]) if item["kind"] in ORDER else len(ORDER)
    )
