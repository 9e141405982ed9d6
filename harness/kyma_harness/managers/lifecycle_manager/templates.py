"""Choose the ModuleTemplate of a module (contract 2.2)."""

from collections.abc import Iterable, Sequence

from semver import Version

from kubeloop.resource import Object, labels_of
from kyma_harness.kyma.contract import CONTROLLER_NAME, MODULE_NAME

DEFAULT_CHANNEL = "regular"
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
    does not count: a module is never downgraded by a switch of channels.
    """
    info = entry.get("templateInfo", {})
    if template["metadata"]["generation"] != info.get("generation"):
        return True
    if template["spec"]["channel"] == info.get("channel"):
        return False
    return Version.parse(info["version"]) <= Version.parse(version_of(template))


def version_of(template: Object) -> str:
    """Return the version that a template's descriptor names."""
    version: str = template["spec"]["descriptor"]["component"]["version"]
    return version


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
