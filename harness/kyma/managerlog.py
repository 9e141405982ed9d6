"""Read what a module's manager has logged."""

import json
from typing import Any

from controller.client import Client
from controller.kinds import DEPLOYMENT, POD
from controller.resource import Object
from harness.kyma.module import Manager


async def log_lines(client: Client, manager: Manager) -> list[Any]:
    """Return the JSON lines of all pods of the manager, decoded; other lines are left out."""
    deployment = await client.get(DEPLOYMENT, manager.deployment, manager.namespace)
    labels = deployment["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = await client.list(POD, namespace=manager.namespace, label_selector=selector)
    texts = [await _log(client, pod, manager.container) for pod in pods.items]
    return [found for text in texts for line in text.splitlines() if (found := _decoded(line)) is not None]


async def _log(client: Client, pod: Object, container: str) -> str:
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
    answer = await client.request("GET", path, query={"container": container})
    return answer if isinstance(answer, str) else json.dumps(answer)


def _decoded(line: str) -> Any:
    """Decode a line of JSON; None for any other, such as one cut off by the end of the log."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
