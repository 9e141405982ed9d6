"""A pattern of a CRD means what it means to Go's regexp, which was asked for each of these answers."""

import pytest

from kyma_harness.kube.patterns import pattern_allows


@pytest.mark.parametrize(
    ("pattern", "text", "allowed"),
    [
        ("^(?i)(on|off)?$", "OFF", True),
        ("^(?i)(on|off)?$", "of", False),
        ("^(?i)(Auto|Legacy|NFT)?$", "nft", True),
        (r"^(?i)\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$", "Foo.BAR", True),
        ("a(?i)b|c", "C", True),
        ("(a(?i)b)c", "aBC", False),
        ("^[[:alnum:]]+$", "kitchen1", True),
        ("^[[:alnum:]-]+$", "a_b", False),
        (r"^\w+$", "küche", False),
        (r"^\d+$", "٣", False),
        ("^a$", "a\n", False),
        (r"\Aa\z", "a", True),
        (r"^\Qa.b\E$", "a.b", True),
        (r"^\Qa.b\E$", "axb", False),
        (r"^\x{1F4A1}$", "\U0001f4a1", True),
        ("^{,3}$", "{,3}", True),
        ("^a{2,3}$", "aaa", True),
        ("^[a&&b]$", "&", True),
        ("^[]a]$", "]", True),
        ("(?P<n>a)(?<m>b)", "ab", True),
        ("(?U)a+", "b", False),
        (r"^[\d.]+$", "1.2", True),
        (r"^[^\s]+$", "a b", False),
    ],
)
def test_a_pattern_is_judged_as_go_judges_it(pattern: str, text: str, allowed: bool):  # noqa: FBT001
    assert pattern_allows(pattern, text) is allowed


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^[\p{L}\p{N} ]+$", "a"),  # letters of all scripts: Python has no such class
        (r"^\pL$", "a"),
        ("(?i)k", "\u212a"),  # the Kelvin sign is a K to Go alone
        ("(?m)^a$", "b\na"),
        ("a**", "a"),  # no pattern to Go, which the API server says of the CRD
        ("a++", "a"),
        ("(?=a)", "a"),
        ("[[:^alpha:]]", "1"),
        ("(", "a"),
    ],
)
def test_of_what_only_go_could_tell_nothing_is_claimed(pattern: str, text: str):
    assert pattern_allows(pattern, text) is None
