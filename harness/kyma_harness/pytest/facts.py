"""What a report says of the cluster that a test ran in."""

import platform
from importlib.metadata import version

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kyma_harness.session.setup import Testbed


def facts_of(testbed: Testbed) -> dict[str, str]:
    """Return what was decided about a cluster: name and value, for people."""
    provider, managers, module = testbed.provider, testbed.managers, testbed.module
    return {
        "cluster": f"{testbed.settings.cluster}, provider {provider.name} ({testbed.chosen.reason})",
        "capabilities": ", ".join(sorted(provider.capabilities)),
        "lifecycle managers": f"{managers.pair} ({managers.reason})",
        "module": f"{module.name} {module.version}, channel {module.channel}",
    }


async def versions(client: Client) -> dict[str, str]:
    """Ask the API server for its version, and tell ours."""
    ours = f"Python {platform.python_version()}, pytest {version('pytest')}, {platform.platform()}"
    try:
        answer = await client.request("GET", "/version")
    except ControllerError as error:
        return {"API server": str(error), "host": ours}
    said = answer.get("gitVersion", "?") if isinstance(answer, dict) else "?"
    return {"API server": f"{client.server}, Kubernetes {said}", "host": ours}
