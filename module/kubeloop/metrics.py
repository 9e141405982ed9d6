"""Count passes, by the names that controller-runtime gives these metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kubeloop.endpoint import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric

    from kubeloop.controller import Controller

# Seconds: a pass takes milliseconds, a switch of the backend may take minutes.
DURATION_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class PassMetrics:
    """Count the passes of controllers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._passes = Counter(
            "controller_runtime_reconcile_total",
            "Passes, by how they ended.",
            ("controller", "result"),
            registry=registry,
        )
        self._seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "How long passes took.",
            ("controller",),
            registry=registry,
            buckets=DURATION_BUCKETS,
        )

    def pass_ended(self, controller: str, result: str, seconds: float) -> None:
        """Take note of a pass."""
        self._passes.labels(controller, result).inc()
        self._seconds.labels(controller).observe(seconds)


def measure_queues(controllers: Iterable[Controller], registry: CollectorRegistry) -> None:
    """Show how many keys wait for each controller, as it is when metrics are asked for."""
    depth = Gauge("workqueue_depth", "Keys that wait for a worker.", ("name",), registry=registry)
    for controller in controllers:
        depth.labels(controller.name).set_function(controller.depth)


def exposition(registry: Collector) -> Answer:
    """Return all metrics, in the text format for those who ask for no other."""
    encode, content_type = choose_encoder("")
    return Answer(text=encode(_WithoutBirthdays(registry)).decode(), content_type=content_type)


class _WithoutBirthdays(Collector):
    """Leave out when each series was created, which the library adds as a series more for each."""

    def __init__(self, registry: Collector) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
