"""Build a container's environment: env, envFrom, $(VAR), the downward API, files of variables."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kyma_harness.node.errors import ContainerConfigError, VolumeError
from kyma_harness.node.expansion import expanded
from kyma_harness.node.folders import place_within
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.volumes.sources import Getter, config_text, secret_data

_NO_VOLUMES: Mapping[str, Path] = MappingProxyType({})
_Reader = Callable[[Getter, str, str], Awaitable[dict[str, bytes] | None]]


async def container_environment(
    container: Mapping[str, Any], facts: PodFacts, api: Getter, *, volumes: Mapping[str, Path] = _NO_VOLUMES
) -> dict[str, str]:
    """Return the variables that the pod's author asked for; `volumes` are the pod's, as folders of the host.

    Raises ContainerConfigError naming the object or key that is missing and not optional.
    """
    values: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        values.update(await _from_source(source, facts.namespace, api))
    for entry in container.get("env", ()):
        if "fileKeyRef" in (entry.get("valueFrom") or ()):
            value = _of_file(entry["valueFrom"]["fileKeyRef"], volumes)
        else:
            value = await _value(entry, values, container["name"], facts, api)
        if value is not None:
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


def _of_file(reference: Mapping[str, Any], volumes: Mapping[str, Path]) -> str | None:
    """Return the value of a key in a file that an earlier container of the pod has written."""
    volume, path, key = reference["volumeName"], reference["path"], reference["key"]
    if volume not in volumes:
        raise ContainerConfigError(f'cannot find the volume "{volume}" referenced by fileKeyRef')
    try:
        text = place_within(volumes[volume], path).read_bytes().decode(errors="surrogateescape")
        value = next((found for name, found in variables_in(text) if name == key), "")
    except (VolumeError, OSError, ValueError) as error:
        raise ContainerConfigError(f"file {path} of volume {volume} gives no variables: {error}") from error
    if value:
        return value
    if reference.get("optional"):
        return None
    raise ContainerConfigError(
        f'environment variable key "{key}" not found in file {path} of volume {volume}'
    )


def variables_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a file of variables, which knows `NAME='value'` and comments only.

    A value may have several lines. Raises ValueError, naming the line, where one is written otherwise.
    """
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        line = line.lstrip(" \t")  # noqa: PLW2901 - what is in front of a name has no meaning
        if not line or line.startswith("#"):
            continue
        name, equals, rest = line.partition("=")
        if not equals or not name or name != name.rstrip(" \t"):
            raise ValueError(f"line {number} is not NAME='value', without blanks before the '='")
        if rest.startswith((" ", "\t")):
            yield name, ""  # as a shell reads it
            continue
        if not rest.startswith("'"):
            raise ValueError(f"line {number}: the value has to be in single quotes")
        value, closed, after = rest[1:].partition("'")
        while not closed:
            _, further = next(lines, (0, None))
            if further is None:
                raise ValueError(f"line {number}: the single quote is never closed")
            more, closed, after = further.partition("'")
            value = f"{value}\n{more}"
        if (after := after.lstrip(" \t")) and not after.startswith("#"):
            raise ValueError(f"line {number}: there is something after the closing quote")
        yield name, value
