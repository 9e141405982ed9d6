"""Quantities are read as Kubernetes writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kubeloop.errors import QuantityError
from kubeloop.quantity import parse_quantity, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("2", "2"),
        ("+1.", "1"),
        ("-1.5", "-1.5"),
        ("1Gi", str(2**30)),
        ("64k", "64000"),
        ("100n", "1e-7"),
        ("1e3", "1000"),
        ("1E-2", "0.01"),
        ("2E", "2e18"),
    ],
)
def test_a_quantity_is_read_with_its_suffix(text, number):
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1Gi", 2**30),
        ("1.5Gi", 3 * 2**29),
        ("1G", 10**9),
        ("500M", 5 * 10**8),
        ("1e9", 10**9),
        ("1E", 10**18),
        ("1500m", 2),
        (".5k", 500),
    ],
)
def test_a_quantity_is_a_whole_number_rounded_up(text, number):
    assert whole(text) == number


@pytest.mark.parametrize(
    "text", ["", "Gi", "1 Gi", "1gb", "1GiB", "1K", "1mi", "one", "1e", "--1", "1Gi\n", "٣Gi", "9" * 300]
)
def test_what_is_no_quantity_is_refused_by_name(text):
    with pytest.raises(QuantityError, match="is not a quantity"):
        whole(text)


@pytest.mark.parametrize("text", ["1e20", "-1e20", "8Ei", "1e999999", f"1e{'9' * 64}", "1e-999999"])
def test_what_64_bits_do_not_count_is_refused_at_once(text):
    with pytest.raises(QuantityError, match="beyond what 64 bits count"):
        whole(text)
