"""Know the API server that a kubeconfig names, and write kubeconfigs for the way around it."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from kubeloop.client.credentials import KubeconfigCredentials
from kyma_harness.host.paths import write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where the API server is and how it proves that it is; no credentials of anybody."""

    server: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """Take server and authority from the kubeconfig's current context."""
        credentials = KubeconfigCredentials(str(kubeconfig))
        return cls(server=credentials.server, tls=credentials.trust())


def write_token_kubeconfig(path: Path, *, server: str, token: str) -> Path:
    """Write a kubeconfig that only this user may read."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "faulty",
        "clusters": [{"name": "faulty", "cluster": {"server": server}}],
        "users": [{"name": "faulty", "user": {"token": token}}],
        "contexts": [{"name": "faulty", "context": {"cluster": "faulty", "user": "faulty"}}],
    }
    return write_private(path, yaml.safe_dump(document, sort_keys=False))
