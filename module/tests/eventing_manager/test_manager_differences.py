"""How two versions of an object differ, in lines that a person reads and that give nothing away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing_manager.differences import differences

KEPT = "aGlkZGVu"
OTHER = "b3RoZXI="
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ORIGINAL = "kapp.k14s.io/original"


def secret(**fields):
    return {"kind": "Secret", "metadata": {"name": "a", **fields.pop("metadata", {})}, **fields}


def annotated(**annotations):
    return secret(metadata={"annotations": annotations})


def managed(value):
    return secret(metadata={"managedFields": [{"fieldsV1": {"f:data": {f"f:{value}": {}}}}]})


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (secret(data={"k": KEPT}), secret(data={"k": OTHER}), ["data.k: another value, which is not shown"]),
        (secret(data={}), secret(data={"k": KEPT}), ["data.k: a value that is not shown is added"]),
        (secret(data={"k": KEPT}), secret(data={}), ["data.k: a value that is not shown is removed"]),
        (secret(), secret(data={"k": KEPT}), ['data: {"k": "a value that is not shown"} is added']),
        (secret(data={"k": KEPT}), secret(), ['data: {"k": "a value that is not shown"} is removed']),
        (
            secret(data=None),
            secret(data={"k": KEPT}),
            ['data: null -> {"k": "a value that is not shown"}'],
        ),
        (
            secret(data={"k": KEPT}),
            secret(data=None),
            ['data: {"k": "a value that is not shown"} -> null'],
        ),
        (secret(data=KEPT), secret(data=[KEPT]), ["data: another value, which is not shown"]),
        (secret(data={"k": {"in": KEPT}}), secret(data={}), ["data.k: a value that is not shown is removed"]),
        (
            secret(stringData={"k": "hidden"}),
            secret(stringData={"k": "other"}),
            ["stringData.k: another value, which is not shown"],
        ),
        (
            secret(),
            secret(stringData={"k": "hidden"}),
            ['stringData: {"k": "a value that is not shown"} is added'],
        ),
        (
            annotated(),
            annotated(**{LAST_APPLIED: KEPT}),
            [f"metadata.annotations.{LAST_APPLIED}: a value that is not shown is added"],
        ),
        (
            annotated(**{LAST_APPLIED: KEPT}),
            annotated(**{LAST_APPLIED: OTHER}),
            [f"metadata.annotations.{LAST_APPLIED}: another value, which is not shown"],
        ),
        (
            secret(),
            annotated(**{ORIGINAL: KEPT}),
            [f'metadata.annotations: {{"{ORIGINAL}": "a value that is not shown"}} is added'],
        ),
        (managed(KEPT), managed(OTHER), []),
        (secret(data={"k": KEPT}), secret(data={"k": KEPT}), []),
        (secret(type="Opaque"), secret(type="kubernetes.io/tls"), ["type: Opaque -> kubernetes.io/tls"]),
    ],
)
def test_what_differs_in_a_secret_is_named_and_its_values_are_not_shown(old, new, lines):
    assert differences(old, new) == lines


VALUES = st.sampled_from([KEPT, OTHER, None, 7, {"in": KEPT}, [KEPT, OTHER]])
CONTENTS = st.one_of(st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2), VALUES)
SECRETS = st.fixed_dictionaries(
    {"kind": st.just("Secret"), "metadata": st.fixed_dictionaries({}, optional={"annotations": CONTENTS})},
    optional={"data": CONTENTS, "stringData": CONTENTS},
)


@given(old=SECRETS, new=SECRETS)
def test_no_value_of_a_secret_is_in_any_line(old, new):
    lines = differences(old, new)

    assert bool(lines) == (old != new)
    assert not [line for line in lines if KEPT in line or OTHER in line]


def test_an_item_more_is_no_difference_of_those_behind_it():
    old, new = (
        {"kind": "Service", "metadata": {}, "spec": {"ports": [{"name": name} for name in names]}}
        for names in (("b", "c"), ("a", "b", "c"))
    )

    assert differences(old, new) == ['spec.ports.a: {"name": "a"} is added']


def test_the_content_of_other_kinds_is_shown():
    old, new = ({"kind": "ConfigMap", "metadata": {}, "data": {"k": value}} for value in ("1", "2"))

    assert differences(old, new) == ["data.k: 1 -> 2"]
