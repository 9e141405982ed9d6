"""YAML means here what it means to Go; what that is was asked of sigs.k8s.io/yaml v1.6.0 itself."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubeloop import goyaml

READ_BY_GO = [
    json.loads(line) for line in Path(__file__).with_name("yaml_read_by_go.jsonl").read_text().splitlines()
]
TRICKY = [
    *("=", "<<", "y", "n", "Y", "on", "off", "~", "null", "0o17", "017", "08", "0b1", "0x1F", "1_000", "1_"),
    *("1:30", "1e3", "1E-3", ".5", ".5_0", "1.", ".inf", "2001-01-01", "#", "|", "- a", "a: b", "", " a"),
]
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
    | st.sampled_from(TRICKY),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(TRICKY) | st.text("abc"), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("told", READ_BY_GO, ids=[repr(told["yaml"]) for told in READ_BY_GO])
def test_a_text_is_read_as_go_reads_it(told: dict[str, str]):
    if "error" in told:
        with pytest.raises(goyaml.YAMLError):
            goyaml.load(told["yaml"])
    else:
        # Compared as text, as 1 and 1.0 and True are not the same in JSON.
        read, asked = goyaml.load(told["yaml"]), json.loads(told["json"])
        assert json.dumps(read, sort_keys=True) == json.dumps(asked, sort_keys=True)


def test_of_a_stream_every_document_is_read_and_go_takes_the_first():
    text = "a: 1\n---\n---\nb: 2\n"

    assert goyaml.load_all(text) == [{"a": 1}, None, {"b": 2}]
    assert goyaml.load(text) == {"a": 1}
    assert goyaml.load("# nothing\n") is None
    assert goyaml.load_all("") == []


def test_what_an_anchor_stands_for_can_be_changed_in_one_place():
    read = goyaml.load("a: &x {b: [1]}\nc: *x\n")

    read["a"]["b"].append(2)

    assert read["c"] == {"b": [1]}


def test_an_error_is_one_line_that_names_the_line():
    with pytest.raises(goyaml.YAMLError, match=r"^line 2: found a tab character that violates indentation$"):
        goyaml.load("a: 1\n\tb: 2\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [(LAUGHS, "excessive aliasing"), ("[" * 20_000, "too deeply"), ("a: \ud800\n", "not UTF-8")],
)
def test_a_text_that_would_exhaust_us_is_refused(text: str, said: str):
    with pytest.raises(goyaml.YAMLError, match=said):
        goyaml.load(text)


@settings(deadline=None)
@given(st.text() | st.text("ab:-?[]{}#&*!|>'\"%@`,.019_+eExo \n\t<=~yn"))
@example("[*a")
def test_whatever_is_no_yaml_is_one_kind_of_error_in_one_line(text: str):
    try:
        json.dumps(goyaml.load_all(text), allow_nan=False)
    except goyaml.YAMLError as error:
        said = str(error)
    else:
        said = ""

    assert "\n" not in said


@settings(deadline=None)
@given(JSON_VALUES)
def test_what_is_written_is_read_as_it_was_by_go_and_by_python(value: Any):
    text = goyaml.dump(value)

    assert goyaml.load(text) == value
    assert yaml.safe_load(text) == value
