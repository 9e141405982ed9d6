"""The labels of what the harness makes in a Docker daemon; nothing without them is ever deleted."""

import socket
from pathlib import Path

CLUSTER_LABEL = "kyma-harness.io/cluster"
"""The cluster's name."""
OWNER_LABEL = "kyma-harness.io/owner"
"""The host and the folder of the run that made it: a daemon may serve several."""


def owner_of(folder: Path) -> str:
    """Return the owner as the label has it, for a cluster with this state folder."""
    return f"{socket.gethostname()}:{folder}"


def labels_of(cluster: str, folder: Path) -> dict[str, str]:
    """Return both labels."""
    return {CLUSTER_LABEL: cluster, OWNER_LABEL: owner_of(folder)}
