"""What was counted is written down as it is, however large."""

from __future__ import annotations

import pytest

from kubeloop.metrics import Counter, Gauge, Histogram, Registry, sample


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1"), (90.0, "90"), (0.25, "0.25"), (1234567, "1234567"), (1234567.125, "1234567.125")],
)
def test_a_number_keeps_all_its_digits(number: float, text: str) -> None:
    registry = Registry()
    registry.add(Counter("calls_total", "Calls.")).increment(by=number)
    registry.add(Gauge("depth", "Depth.")).set(to=number)
    registry.add(Histogram("seconds", "Seconds.")).observe(number=number)

    lines = registry.exposition().splitlines()

    assert f"calls_total {text}" in lines
    assert f"depth {text}" in lines
    assert f"seconds_sum {text}" in lines
    assert sample("age", number) == f"age {text}"


def test_the_bounds_of_buckets_are_written_as_they_were_given() -> None:
    histogram = Histogram("seconds", "Seconds.", buckets=(0.005, 1.0, 300.0))
    histogram.observe(number=2)

    buckets = [line for line in histogram.lines() if "_bucket" in line]

    assert buckets == [
        'seconds_bucket{le="0.005"} 0',
        'seconds_bucket{le="1"} 0',
        'seconds_bucket{le="300"} 1',
        'seconds_bucket{le="+Inf"} 1',
    ]
