"""Passes and queues are shown by the names and in the format that Prometheus and its dashboards know."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from kubeloop.controller import Controller
from kubeloop.metrics import PassMetrics, exposition, measure_queues
from kubeloop.resource import ObjectKey


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Return what a scrape reads: numbers by name and label values."""
    families = text_string_to_metric_families(exposition(registry).text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_passes_are_counted_by_how_they_ended(registry):
    passes = PassMetrics(registry)

    for result in ("success", "error", "success"):
        passes.pass_ended("eventing", result, 0.01)

    found = samples(registry)
    assert found["controller_runtime_reconcile_total", "eventing", "success"] == 2
    assert found["controller_runtime_reconcile_total", "eventing", "error"] == 1


def test_passes_are_spread_over_buckets_from_milliseconds_to_minutes(registry):
    passes = PassMetrics(registry)

    for seconds in (0.005, 0.01, 400):
        passes.pass_ended("eventing", "success", seconds)

    found = samples(registry)
    name = "controller_runtime_reconcile_time_seconds"
    assert {key[2]: number for key, number in found.items() if key[0] == f"{name}_bucket"} == {
        "0.005": 1, "0.025": 2, "0.1": 2, "0.25": 2, "0.5": 2, "1.0": 2, "2.5": 2, "5.0": 2,
        "10.0": 2, "30.0": 2, "60.0": 2, "300.0": 2, "+Inf": 3,
    }  # fmt: skip
    assert found[f"{name}_sum", "eventing"] == pytest.approx(400.015)


async def test_the_depth_of_a_queue_is_what_it_is_when_it_is_asked_for(registry):
    controller = Controller("eventing", lambda _key: None)
    measure_queues([controller], registry)

    before = samples(registry)
    controller.enqueue(ObjectKey("n", "a"))
    after = samples(registry)

    key = ("workqueue_depth", "eventing")
    assert (before[key], after[key]) == (0, 1)


def test_nothing_is_shown_that_nobody_asked_for(registry):
    """Of the process, of Python, or of the moments at which series came to be."""
    PassMetrics(registry).pass_ended("eventing", "success", 0.01)

    names = {key[0] for key in samples(registry)}

    assert all(name.startswith("controller_runtime_") for name in names)
    assert not [name for name in names if name.endswith("_created")]


def test_the_format_is_named_for_those_who_read_it(registry):
    assert exposition(registry).content_type == "text/plain; version=0.0.4; charset=utf-8"
