"""Build a container's environment: env, envFrom, $(VAR), the downward API."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from kyma_harness.node.errors import ContainerConfigError
from kyma_harness.node.expansion import expanded
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.volumes.sources import Getter, config_text, secret_data

_Reader = Callable[[Getter, str, str], Awaitable[dict[str, bytes] | None]]


async def container_environment(container: Mapping[str, Any], facts: PodFacts, api: Getter) -> dict[str, str]:
    """Return the variables that the pod's author asked for.

    Raises ContainerConfigError naming the object or key that is missing and not optional.
    """
    values: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        values.update(await _from_source(source, facts.namespace, api))
    for entry in container.get("env", ()):
        if (value := await _value(entry, values, container["name"], facts, api)) is not None:
            values[entry["name"]] = value
    return values


def command_line(container: Mapping[str, Any], values: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the container's own command and args with `$(NAME)` replaced."""

    def resolved(texts: Sequence[str]) -> list[str]:
        return [expanded(text, values) for text in texts]

    return resolved(container.get("command") or ()), resolved(container.get("args") or ())


async def _from_source(source: Mapping[str, Any], namespace: str, api: Getter) -> dict[str, str]:
    prefix = source.get("prefix", "")
    reference, read, what = _reference(source, "configMapRef", "secretRef")
    data = await read(api, namespace, reference["name"])
    if data is None:
        if reference.get("optional"):
            return {}
        raise ContainerConfigError(f'{what} "{reference["name"]}" not found in namespace {namespace}')
    return {f"{prefix}{key}": _text(value) for key, value in data.items()}


async def _value(
    entry: Mapping[str, Any], values: Mapping[str, str], container: str, facts: PodFacts, api: Getter
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expanded(entry.get("value", ""), values)
    if "fieldRef" in source:
        return facts.field(source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return facts.resource(source["resourceFieldRef"], container=container)
    return await _key(source, facts.namespace, api)


async def _key(source: Mapping[str, Any], namespace: str, api: Getter) -> str | None:
    reference, read, what = _reference(source, "configMapKeyRef", "secretKeyRef")
    name, key = reference["name"], reference["key"]
    data = await read(api, namespace, name)
    if data is not None and key in data:
        return _text(data[key])
    if reference.get("optional"):
        return None
    if data is None:
        raise ContainerConfigError(f'{what} "{name}" not found in namespace {namespace}')
    raise ContainerConfigError(f"couldn't find key {key} in {what} {namespace}/{name}")


def _text(value: bytes) -> str:
    """Return bytes in the form in which a process gets the same bytes, be they text or not."""
    return value.decode(errors="surrogateescape")


def _reference(
    source: Mapping[str, Any], config_map: str, secret: str
) -> tuple[Mapping[str, Any], _Reader, str]:
    if config_map in source:
        return source[config_map], config_text, "configmap"
    if secret in source:
        return source[secret], secret_data, "secret"
    raise ContainerConfigError(f"the process node cannot take a variable from {', '.join(sorted(source))}")
