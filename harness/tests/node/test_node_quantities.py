"""What a container is told of its own resources."""

import pytest

from kyma_harness.node.identity.downward import divided


@pytest.mark.parametrize(
    ("quantity", "divisor", "result"),
    [("1500m", "1", "2"), ("1500m", "1m", "1500"), ("1Gi", "1Mi", "1024"), ("1Gi", "0", str(2**30))],
)
def test_a_division_rounds_up_and_no_divisor_means_one(quantity, divisor, result):
    assert divided(quantity, divisor) == result
