"""An object is held against its CRD's schema as the API server would store it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyma_harness.kube.schema import admitted, violations


def schema_of(spec: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": spec}}


def an_object(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Lamp", "metadata": {}, "spec": spec}


WATTS = {"type": "object", "properties": {"watts": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (WATTS, None),
        (WATTS, {"watts": None}),
        ({**WATTS, "required": ["watts"], "properties": {"watts": {"type": "integer", "default": 4}}}, {}),
        ({**WATTS, "nullable": True}, None),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"a": None, "b": "c"}),
        (
            {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "properties": {"spec": {"type": "object"}},
            },
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}},
        ),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 2),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": False}, 1),
        ({"type": "string", "pattern": r"^[\p{L} ]+$"}, "Küche"),
        ({"type": "string", "pattern": "^(?i)(on|off)?$"}, "OFF"),
    ],
)
def test_what_the_api_server_takes_has_no_violations(spec: dict[str, Any], value: Any):
    assert violations({**an_object(), "spec": value}, schema_of(spec)) == []


@pytest.mark.parametrize(
    ("spec", "value", "said"),
    [
        ({"type": "string", "pattern": "^(?i)(on|off)?$"}, "of", "'of' is not of the form ^(?i)(on|off)?$"),
        ({"type": "array", "items": {"type": "string"}}, [None], "spec[0]: None is not of type 'string'"),
        ({**WATTS, "required": ["watts"]}, {"watts": None}, "spec: 'watts' is a required property"),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1, "or equal to the minimum of 1"),
        ({"type": "lamp"}, "x", "its CRD has a schema that is none"),
    ],
)  # fmt: skip
def test_what_it_refuses_has_a_sentence(spec: dict[str, Any], value: Any, said: str):
    (problem,) = violations({**an_object(), "spec": value}, schema_of(spec))

    assert said in problem


def test_nulls_go_and_defaults_come_at_every_depth():
    light = {"type": "object", "properties": {"colour": {"type": "string", "default": "white"}}}
    schema = schema_of({"type": "object", "properties": {"light": light, "lights": {"items": light}}})

    stored = admitted(an_object(light={"colour": None}, lights=[{}, None], other=None), schema)

    assert stored["spec"] == {
        "light": {"colour": "white"},
        "lights": [{"colour": "white"}, None],
        "other": None,
    }


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["properties", "items", "type", "pattern", "default", "enum", "nullable", "required"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(ANYTHING.filter(lambda schema: isinstance(schema, dict)), ANYTHING)
def test_no_schema_makes_it_fail(schema: dict[str, Any], value: Any):
    assert isinstance(violations(an_object(given=value), schema), list)
