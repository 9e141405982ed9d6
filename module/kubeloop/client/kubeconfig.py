"""Write down in a kubeconfig how one user gets to one API server."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping


def kubeconfig_of(
    cluster: Mapping[str, Any],
    user: Mapping[str, Any],
    *,
    name: str = "default",
    namespace: str | None = None,
) -> dict[str, Any]:
    """Return a kubeconfig of one context; cluster and user are as Kubernetes has them."""
    context = {"cluster": name, "user": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": dict(cluster)}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def cluster_of(server: str, authority: Path | bytes) -> dict[str, str]:
    """Return a cluster whose server's certificate is signed by an authority.

    PEM is carried along, and a file is read anew by whoever reads the kubeconfig.
    """
    if isinstance(authority, Path):
        return {"server": server, "certificate-authority": str(authority)}
    return {"server": server, "certificate-authority-data": _encoded(authority)}


def certificate_user(certificate: bytes, key: bytes) -> dict[str, str]:
    """Return a user who proves by a certificate who it is; both are PEM, and carried along."""
    return {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}


def as_text(document: Mapping[str, Any]) -> str:
    """Return a kubeconfig as its file has it."""
    return yaml.safe_dump(dict(document), sort_keys=False)


def _encoded(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
