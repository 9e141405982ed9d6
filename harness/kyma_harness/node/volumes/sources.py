"""Where the node reads the ConfigMaps, Secrets and claims that its pods refer to."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from kubeloop.errors import NotFoundError
from kubeloop.kinds import CONFIG_MAP, SECRET
from kubeloop.resource import Kind, Object

_REFERRING = {
    "configMap": "ConfigMap", "configMapRef": "ConfigMap", "configMapKeyRef": "ConfigMap",
    "secret": "Secret", "secretRef": "Secret", "secretKeyRef": "Secret",
}  # fmt: skip


class Getter(Protocol):
    """Anything that reads one object from the API server, as the Client does."""

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """Return the object; raises NotFoundError."""
        ...


def config_references(pod: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return the (kind, name) of every ConfigMap and Secret that a pod's volumes or variables refer to."""
    return frozenset(_references(pod["spec"]))


def _references(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            kind = _REFERRING.get(key)
            name = (
                value.get("name") or value.get("secretName") if kind and isinstance(value, Mapping) else None
            )
            if kind and name:
                yield kind, name
            yield from _references(value)


async def config_data(api: Getter, namespace: str, name: str) -> dict[str, bytes] | None:
    """Return the data of a ConfigMap, None if there is no such ConfigMap."""
    found = await _config_map(api, namespace, name)
    return None if found is None else _text(found) | _decoded(found.get("binaryData"))


async def config_text(api: Getter, namespace: str, name: str) -> dict[str, bytes] | None:
    """Return the data of a ConfigMap without its binaryData, which variables cannot be taken from."""
    found = await _config_map(api, namespace, name)
    return None if found is None else _text(found)


async def _config_map(api: Getter, namespace: str, name: str) -> Object | None:
    try:
        return await api.get(CONFIG_MAP, name, namespace)
    except NotFoundError:
        return None


def _text(config_map: Object) -> dict[str, bytes]:
    return {key: value.encode() for key, value in (config_map.get("data") or {}).items()}


async def secret_data(api: Getter, namespace: str, name: str) -> dict[str, bytes] | None:
    """Return the data of a Secret, None if there is no such Secret."""
    try:
        found = await api.get(SECRET, name, namespace)
    except NotFoundError:
        return None
    return _decoded(found.get("data"))


def _decoded(entries: dict[str, Any] | None) -> dict[str, bytes]:
    decoded = {}
    for key, value in (entries or {}).items():
        try:
            decoded[key] = base64.b64decode(value or "")
        except (binascii.Error, ValueError):
            decoded[key] = b""
    return decoded
