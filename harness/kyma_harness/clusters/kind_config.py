"""Describe a cluster and its registry for kind, as kind's guide to local registries does."""

from pathlib import Path
from typing import Any

import yaml

from kubeloop.resource import Object
from kyma_harness.clusters.errors import CreationError

REGISTRY_FOLDER = Path("/etc/containerd/certs.d")
"""Where containerd on a node looks for a registry's hosts; on by default since kind 0.27."""
_CONFIG_PATH_PATCH = f"""\
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{REGISTRY_FOLDER}"
"""


def config(given: Path | None, *, patch_containerd: bool) -> dict[str, Any]:
    """Return a configuration for ``kind create cluster``, starting from the given one if there is one."""
    described: dict[str, Any] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}
    if given is not None:
        described |= _read(given)
    if patch_containerd:
        described["containerdConfigPatches"] = [
            *described.get("containerdConfigPatches", ()),
            _CONFIG_PATH_PATCH,
        ]
    return described


def hosts_toml(registry: str) -> str:
    """Tell containerd that what the folder names is reached at ``host:port``, by plain http."""
    return f'[host."http://{registry}"]\n'


def hosting(address: str) -> Object:
    """Announce the registry to tools in the cluster, by the convention of KEP-1755."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public"},
        "data": {"localRegistryHosting.v1": yaml.safe_dump({"host": address})},
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CreationError(f"kind's configuration {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise CreationError(f"kind's configuration {path} is not YAML: {error}") from None
    if not isinstance(found, dict):
        raise CreationError(f"kind's configuration {path} is not a mapping with `kind: Cluster`")
    return found
