"""A comparison names each place where what is differs from what should be."""

import pytest

from kyma_harness.kyma.verify import differences, filled


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": "*"}}, {"a": {"b": "anything"}}),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
        ("text", "text"),
        ({}, {"a": 1}),
    ],
)
def test_more_than_expected_is_no_difference(expected: object, actual: object):
    assert differences(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual", "phrases"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b is 2, not 1"]),
        ({"a": "*"}, {}, ["a is not set"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a is [1], not [1, 2]"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a[1] is 3, not 2"]),
        ({"a": "xy"}, {"a": "xz"}, ["a is 'xz', not 'xy'"]),
        ({"a": 1, "b": 1}, {}, ["a is None, not 1", "b is None, not 1"]),
        ({"a": {"b": 1}}, {"a": 7}, ["a is 7, not {'b': 1}"]),
    ],
)
def test_each_difference_is_named_by_its_path(expected: object, actual: object, phrases: list[str]):
    assert differences(expected, actual) == phrases


def test_placeholders_are_filled_in_at_every_depth():
    pattern = {"name": "{name}", "list": ["{namespace}/{name}", 1], "else": True}

    assert filled(pattern, {"name": "lamp", "namespace": "lamps"}) == {
        "name": "lamp",
        "list": ["lamps/lamp", 1],
        "else": True,
    }
