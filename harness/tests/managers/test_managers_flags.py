"""The built-in pair takes flags as Go programs do."""

import argparse

import pytest

from kyma_harness.managers.flags import address, duration, flag_parser


@pytest.mark.parametrize(
    ("text", "seconds"), [("100ms", 0.1), ("2s", 2), ("1m30s", 90), ("1000s", 1000), ("0.5h", 1800)]
)
def test_a_duration_is_read_as_go_writes_it(text: str, seconds: float):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "2 s", "s", "-1s"])
def test_anything_else_is_no_duration(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a duration such as"):
        duration(text)


def test_an_address_of_zero_means_that_nothing_listens():
    assert address("0") is None
    assert address(":8081") == ":8081"


def test_anything_else_is_no_address():
    with pytest.raises(argparse.ArgumentTypeError, match="is not an address such as"):
        address("8081")


@pytest.mark.parametrize(
    ("given", "elected"),
    [
        ([], False),
        (["--leader-elect"], True),
        (["--leader-elect", "--leader-elect=false"], False),
        (["--leader-elect=true"], True),
    ],
)
def test_the_last_word_on_a_switch_counts(given: list[str], *, elected: bool):
    parser = flag_parser("manager", listener="--listener-address", base_delay="1s")

    assert parser.parse_args(given).leader_elect is elected


def test_the_defaults_are_those_of_the_original():
    flags = flag_parser("manager", listener="--listener-address", base_delay="1s").parse_args([])

    assert (flags.metrics, flags.probes, flags.listener) == (":8080", ":8081", ":8082")
    assert (flags.resync, flags.base, flags.maximum, flags.workers) == (20, 1, 1000, 1)
