"""Hold a custom resource against the schema of its CustomResourceDefinition."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError
from kubeloop.kinds import CRD
from kubeloop.resource import Kind, Object
from kyma_harness.host import descriptions
from kyma_harness.kube.patterns import pattern_allows

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

    It is judged as the API server would store it: without values of null that nothing allows, and with
    defaults. The API server drops unknown fields in silence, or keeps them where the schema says so; of the
    status even those count, as nobody can read what is not described. Where only the API server can tell
    whether a pattern matches, nothing is claimed.
    """
    closed = _closed_root(schema)
    try:
        _Validator.check_schema(closed, format_checker=_NO_FORMATS)
    except SchemaError as error:
        return [f"its CRD has a schema that is none: {error.message}"]
    return descriptions.violations(admitted(obj, schema), closed, whole="the object", validator=_Validator)


def admitted(value: Any, schema: Any) -> Any:
    """Return a value as the API server stores it: nulls are taken out, and defaults put in."""
    if not isinstance(schema, dict):
        return value
    if isinstance(value, list):
        return [admitted(_default(one, schema.get("items")), schema.get("items")) for one in value]
    if not isinstance(value, dict):
        return value
    properties, others = _properties(schema), schema.get("additionalProperties")
    found = {key: _default(one, properties.get(key, others)) for key, one in value.items()}
    missing = {
        key: part["default"]
        for key, part in properties.items()
        if key not in value and isinstance(part, dict) and part.get("default") is not None
    }
    return {
        key: admitted(one, properties.get(key, others))
        for key, one in (found | missing).items()
        if not (one is None and _is_barred(properties.get(key, others)))
    }


def _default(value: Any, schema: Any) -> Any:
    return schema.get("default") if value is None and _is_barred(schema) else value


def _is_barred(schema: Any) -> bool:
    """Tell whether null is no value here."""
    return isinstance(schema, dict) and not schema.get("nullable")


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _closed_root(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _closed(part, strict=name == "status") for name, part in _properties(schema).items()}
    root = {**_closed({**schema, "properties": {}}, strict=False), "properties": properties}
    root["properties"] |= dict.fromkeys(SERVER_FIELDS, True)
    if properties:
        root["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields", False))
    return root


def _closed(schema: Any, *, strict: bool) -> Any:
    """Return JSON Schema for a structural schema, in which unknown fields are errors."""
    if not isinstance(schema, dict):
        return schema
    closed = _with_limits({key: one for key, one in schema.items() if not key.startswith("x-kubernetes-")})
    for key in ("default", "example", "nullable", "format"):
        closed.pop(key, None)
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("anyOf", None)
        closed["type"] = ["integer", "string"]
    if schema.get("nullable") and isinstance(closed.get("type"), str):
        closed["type"] = [closed["type"], "null"]
    if properties := _properties(schema):
        closed |= _closed_properties(schema, properties, strict=strict)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            closed[key] = _closed(schema[key], strict=strict)
    return closed


def _closed_properties(schema: dict[str, Any], properties: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    known = {name: _closed(part, strict=strict) for name, part in properties.items()}
    if schema.get("x-kubernetes-embedded-resource"):
        known |= dict.fromkeys(SERVER_FIELDS, True)
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") and not strict
    if "additionalProperties" in schema or open_ended:
        return {"properties": known}
    return {"properties": known, "additionalProperties": False}


def _with_limits(schema: dict[str, Any]) -> dict[str, Any]:
    """Turn ``exclusiveMinimum`` from a mark on a limit into a limit, which it is in JSON Schema."""
    marks = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
    exclusive = {
        mark: schema[key] for mark, key in marks.items() if schema.get(mark) is True and key in schema
    }
    return {key: one for key, one in schema.items() if key not in marks} | exclusive


def _pattern(_validator: object, pattern: Any, instance: Any, _schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and pattern_allows(str(pattern), instance) is False:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
_NO_FORMATS = FormatChecker(())
"""A pattern that Python cannot read is a pattern nonetheless."""
