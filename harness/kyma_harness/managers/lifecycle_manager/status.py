"""Work out a Kyma's status from its Manifests (contract 1.1, 2.5)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from kubeloop.resource import Object, generation_of, is_deleting
from kyma_harness.kyma.contract import MANIFEST
from kyma_harness.managers.lifecycle_manager.templates import component_of

MODULES_ARE_READY = "ModulesAreReady"
MESSAGES = {"True": "all modules are in ready state", "False": "not all modules are in ready state"}


def module_entry(module_name: str, manifest: Object, template: Object) -> Object:
    """Return the entry of ``status.moduleStatus`` for a Manifest as it is."""
    return {
        "moduleName": module_name,
        "name": manifest["metadata"]["name"],
        "namespace": manifest["metadata"]["namespace"],
        "generation": generation_of(manifest),
        "state": _state_of(manifest),
        "templateInfo": {
            "name": template["metadata"]["name"],
            "namespace": template["metadata"]["namespace"],
            "channel": template["spec"]["channel"],
            "generation": generation_of(template),
            "version": component_of(template).version,
            "gvk": {"group": MANIFEST.group, "version": MANIFEST.version, "kind": MANIFEST.kind},
        },
    }


def _state_of(manifest: Object) -> str:
    """Return the Manifest's state; one that was just changed is on its way, whatever it was before."""
    status = manifest.get("status", {})
    current = generation_of(manifest)
    if status.get("observedGeneration", current) != current and not is_deleting(manifest):
        return "Processing"
    return status.get("state") or "Processing"


def entries_of(kyma: Object) -> dict[str, Object]:
    """Return the entries of ``status.moduleStatus`` by module."""
    return {entry["moduleName"]: entry for entry in kyma.get("status", {}).get("moduleStatus", [])}


def with_modules(kyma: Object, entries: Sequence[Object]) -> Object:
    """Return the Kyma's status with these entries and the condition that follows from them."""
    status = {**kyma.get("status", {}), "conditions": _conditions(kyma, entries)}
    status.pop("moduleStatus", None)
    return {**status, "moduleStatus": list(entries)} if entries else status


def with_cause(status: Object, cause: str, generation: int) -> Object:
    """Return the status of a Kyma of whose modules nothing can be said, with a condition that says why."""
    seen = status.get("conditions", [])
    if any(one["reason"] == MODULES_ARE_READY and one["message"] == cause for one in seen):
        return {**status, "state": "Error"}
    others = [one for one in seen if one["reason"] != MODULES_ARE_READY]
    condition = {**_condition(generation, "False"), "message": cause}
    return {**status, "state": "Error", "conditions": [*others, condition]}


def is_ready(status: Object) -> bool:
    """Tell whether every condition holds."""
    return all(condition["status"] == "True" for condition in status.get("conditions", []))


def _conditions(kyma: Object, entries: Sequence[Object]) -> list[Object]:
    """Rewrite the condition when its status flips, as the original does, or where it tells of a failure."""
    seen = kyma.get("status", {}).get("conditions", [])
    status = "True" if all(entry["state"] == "Ready" for entry in entries) else "False"
    said = (MODULES_ARE_READY, status, MESSAGES[status])
    if any((one["reason"], one["status"], one["message"]) == said for one in seen):
        return list(seen)
    others = (one for one in seen if one["reason"] != MODULES_ARE_READY)
    return [*others, _condition(generation_of(kyma), status)]


def _condition(generation: int, status: str) -> Object:
    return {
        "type": "Ready",
        "reason": MODULES_ARE_READY,
        "status": status,
        "message": MESSAGES[status],
        "observedGeneration": generation,
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
