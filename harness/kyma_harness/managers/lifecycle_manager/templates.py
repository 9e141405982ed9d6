"""Choose the ModuleTemplate of a module (contract 2.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from semver import Version

from kubeloop.resource import Object, labels_of
from kyma_harness.kyma.contract import CONTROLLER_NAME, MODULE_NAME

DEFAULT_CHANNEL = "regular"
Shape = TypeVar("Shape")
_DECODE = "cannot convert templates: could not decode the descriptor"
NOT_UNIQUE = "templates could not be fetched: no unique template could be identified"


class TemplateError(Exception):
    """There is no template for a module, or more than one."""


def find_template(templates: Iterable[Object], module: Object, kyma_channel: str | None) -> Object:
    """Return the one template of the module in its channel, else the only one it has in any channel.

    ``module`` is an entry of the Kyma's ``spec.modules``; its own channel goes before the Kyma's.
    """
    channel = module.get("channel") or kyma_channel or DEFAULT_CHANNEL
    known = [template for template in templates if _is_for(template, module)]
    offered = [template for template in known if template["spec"]["channel"] == channel]
    return _only(offered or known, module["name"])


def is_outdated(entry: Object, template: Object) -> bool:
    """Tell whether a module was made from another template than this (contract 2.6).

    ``entry`` is the module's in the Kyma's ``status.moduleStatus``. Another channel with a lower version
    does not count: a module is never downgraded by a switch of channels. Nor does one where either version is
    none.
    """
    info = entry.get("templateInfo", {})
    if template["metadata"]["generation"] != info.get("generation"):
        return True
    if template["spec"]["channel"] == info.get("channel"):
        return False
    installed, offered = _semantic(info.get("version", "")), _semantic(component_of(template).version)
    return installed is not None and offered is not None and installed <= offered


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What a template's descriptor says; the original asks for nothing of it but that it has these shapes."""

    name: str
    version: str
    contexts: list[Object]
    """Repositories, of which the last one counts."""
    resources: list[Object]


def component_of(template: Object) -> Component:
    """Read a template's descriptor as the original does; TemplateError where it has other shapes."""
    described = template["spec"]["descriptor"]
    component = _field(described, "component", dict, "descriptor")
    return Component(
        name=_field(component, "name", str, "component"),
        version=_field(component, "version", str, "component"),
        contexts=_mappings(component, "repositoryContexts"),
        resources=_mappings(component, "resources"),
    )


def text_of(mapping: Object, key: str, where: str) -> str:
    """Return a text in a descriptor, an empty one where there is none; TemplateError for anything else."""
    return _field(mapping, key, str, where)


def _field(mapping: Object, key: str, shape: type[Shape], where: str) -> Shape:
    value = mapping.get(key)
    if value is None:
        return shape()
    if not isinstance(value, shape):
        found = _NAMES.get(type(value), "number")
        raise TemplateError(f"{_DECODE}: {where}.{key} is a {found}, not a {_NAMES[shape]}")
    return value


def _mappings(component: Object, key: str) -> list[Object]:
    items: list[Any] = _field(component, key, list, "component")
    return [_field({"item": item}, "item", dict, f"component.{key}") for item in items]


_NAMES: dict[type, str] = {str: "text", dict: "mapping", list: "list", bool: "boolean"}


def _semantic(text: str) -> Version | None:
    """Return a version as the original reads it, which takes 1.2 and v1.2.3 for versions, too."""
    try:
        return Version.parse(text.removeprefix("v"), optional_minor_and_patch=True)
    except ValueError:
        return None


def _is_for(template: Object, module: Object) -> bool:
    labels = labels_of(template)
    controller = module.get("controller")
    return labels.get(MODULE_NAME) == module["name"] and (
        not controller or labels.get(CONTROLLER_NAME) == controller
    )


def _only(found: Sequence[Object], name: str) -> Object:
    if not found:
        raise TemplateError(f"{NOT_UNIQUE}: no module template found for module: {name}")
    if len(found) > 1:
        candidates = " ".join(sorted(template["metadata"]["name"] for template in found))
        several = f"more than one module template found for module: {name}, candidates: [{candidates}]"
        raise TemplateError(f"{NOT_UNIQUE}: {several}")
    return found[0]
