"""Write kubeconfig files that carry their certificates, so that each can be copied as one file."""

import base64
from pathlib import Path

import yaml

from kyma_harness.embedded.pki import KeyPair
from kyma_harness.host.paths import write_private


def write_kubeconfig(path: Path, *, cluster: str, server: str, authority: Path, client: KeyPair) -> Path:
    """Write a kubeconfig for one client certificate; only this user may read it."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": _encoded(authority)},
            }
        ],
        "users": [
            {
                "name": cluster,
                "user": {
                    "client-certificate-data": _encoded(client.certificate),
                    "client-key-data": _encoded(client.key),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "current-context": cluster,
    }
    return write_private(path, yaml.safe_dump(document, sort_keys=False))


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
