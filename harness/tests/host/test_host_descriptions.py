"""What is wrong with a file that somebody wrote is said in one sentence, whatever the file describes."""

import pytest

from kyma_harness.host.descriptions import mapping_in, neighbour, violations
from kyma_harness.host.errors import HarnessError

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "examples": ["web"]},
        "code": {"type": "string", "pattern": "^[0-9]+$"},
        "channel": {"enum": ["fast", "slow", 1]},
        "ports": {"items": {"anyOf": [{"type": "integer"}, {"type": "object", "minProperties": 1}]}},
    },
}


class UnfitError(HarnessError):
    """What the tests have raised."""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, ["the file: 'name' is a required property"]),
        ([], ["the file: [] is not of type 'object'"]),
        ({"name": "Web"}, ["name: 'Web' is not of the form ^[a-z]+$, for example web"]),
        ({"name": "a", "code": "x"}, ["code: 'x' is not of the form ^[0-9]+$"]),
        ({"name": "a", "channel": "new"}, ["channel: 'new' is not allowed; allowed are fast, slow, 1"]),
        ({"name": "a", "ports": [1, {}]}, ["ports[1]: {} "]),
        ({"name": 1, "channel": "new"}, ["channel: 'new' is", "name: 1 is not of type 'string'"]),
    ],
)
def test_each_place_that_is_wrong_is_named_with_what_would_be_right(data, said):
    found = violations(data, SCHEMA, whole="the file")

    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True))


def test_a_field_that_is_not_known_is_told_with_those_that_are():
    (said,) = violations({"name": "a", "chanel": "fast"}, SCHEMA)

    assert said.endswith("('chanel' was unexpected); known are name, code, channel, ports")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"it\.yaml does not exist: make one"),
        ("", "holds NoneType, not a mapping"),
        ("- one", "holds list, not a mapping"),
        ("a: 1\n---\nb: 2", "holds 2 documents"),
        ("a: [", "is not YAML"),
        (b"\xff\xfe\xfa", "is not YAML"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_name(tmp_path, content, said):
    path = tmp_path / "it.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(UnfitError, match=said) as refused:
        mapping_in(path, UnfitError, remedy="make one")

    assert str(path) in str(refused.value)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(UnfitError, match=r"cannot be read \(Is a directory\): make one"):
        mapping_in(tmp_path, UnfitError, remedy="make one")


def test_what_a_file_names_is_beside_it(tmp_path):
    (tmp_path / "chart").mkdir()

    assert neighbour(tmp_path / "it.yaml", "chart", "./chart", UnfitError) == tmp_path / "chart"


def test_what_a_file_names_and_is_not_there_is_told(tmp_path):
    with pytest.raises(UnfitError, match=r"chart: .*/nothing does not exist; paths are relative to it\.yaml"):
        neighbour(tmp_path / "it.yaml", "chart", "nothing", UnfitError)
