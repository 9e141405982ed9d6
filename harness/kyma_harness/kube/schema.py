"""Hold a custom resource against the schema of its CustomResourceDefinition."""

from typing import Any

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError
from kubeloop.kinds import CRD
from kubeloop.resource import Kind, Object
from kyma_harness.host import descriptions

SERVER_FIELDS = ("apiVersion", "kind", "metadata")
"""Fields that belong to every object, whatever its schema says."""


async def schema_of(client: Client, kind: Kind) -> dict[str, Any]:
    """Return the openAPIV3Schema of a kind in its version; raises ``KindAbsentError`` without a CRD."""
    for definition in (await client.list(CRD)).items:
        spec = definition["spec"]
        if (spec["group"], spec["names"]["kind"]) == (kind.group, kind.kind):
            for version in spec["versions"]:
                if version["name"] == kind.version:
                    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
                    return found
    raise KindAbsentError(kind)


def violations(obj: Object, schema: dict[str, Any]) -> list[str]:
    """Return each place where an object breaks the schema, or has a field that the schema does not know.

    The API server drops unknown fields in silence, or keeps them where the schema says so; of the status
    even those count, as nobody can read what is not described.
    """
    return descriptions.violations(obj, _closed_root(schema), whole="the object")


def _closed_root(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {
        name: _closed(part, strict=name == "status") for name, part in schema.get("properties", {}).items()
    }
    root = {**_closed({**schema, "properties": {}}, strict=False), "properties": properties}
    root["properties"] |= dict.fromkeys(SERVER_FIELDS, True)
    if properties:
        root["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields", False))
    return root


def _closed(schema: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    """Return JSON Schema for a structural schema, in which unknown fields are errors."""
    closed = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    for key in ("default", "example", "nullable", "format"):
        closed.pop(key, None)
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("anyOf", None)
        closed["type"] = ["integer", "string"]
    if schema.get("nullable") and isinstance(closed.get("type"), str):
        closed["type"] = [closed["type"], "null"]
    if "properties" in schema:
        closed["properties"] = {
            name: _closed(part, strict=strict) for name, part in schema["properties"].items()
        }
        open_ended = schema.get("x-kubernetes-preserve-unknown-fields") and not strict
        if schema["properties"] and "additionalProperties" not in schema and not open_ended:
            closed["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            closed[key] = _closed(schema[key], strict=strict)
    return closed
