from decimal import Decimal

import pytest

from kyma_harness.node.identity.downward import divided, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("2", "2"),
        ("1.5", "1.5"),
        ("1Gi", str(2**30)),
        ("64k", "64000"),
        ("1e3", "1000"),
        ("2E", "2e18"),
    ],
)
def test_a_quantity_is_read_with_its_suffix(text, number):
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "much", "1K", "1Gb", "1mi"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="is no quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("quantity", "divisor", "result"),
    [("1500m", "1", "2"), ("1500m", "1m", "1500"), ("1Gi", "1Mi", "1024"), ("1Gi", "0", str(2**30))],
)
def test_a_division_rounds_up_and_no_divisor_means_one(quantity, divisor, result):
    assert divided(quantity, divisor) == result
