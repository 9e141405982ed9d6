"""Count what happens, in the text format that Prometheus reads."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Seconds: a pass takes milliseconds, a switch of the backend may take minutes.
DURATION_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metric(Protocol):
    """Write down what was counted."""

    def lines(self) -> Iterator[str]:
        """Yield the lines of the exposition, HELP and TYPE first."""


MetricT = TypeVar("MetricT", bound=Metric)


class Registry:
    """Hold the metrics of one process."""

    def __init__(self) -> None:
        self._metrics: list[Metric] = []

    def add(self, metric: MetricT) -> MetricT:
        """Take a metric into the exposition, and return it."""
        self._metrics.append(metric)
        return metric

    def exposition(self) -> str:
        """Return all metrics as text."""
        return "".join(f"{line}\n" for metric in self._metrics for line in metric.lines())


class Counter:
    """A number that only grows, per combination of label values; its name ends in ``_total``."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        self._head = _head(name, help_text, "counter")
        self._name = name
        self._labels = tuple(labels)
        self._values: dict[tuple[str, ...], float] = {}

    def increment(self, *values: str, by: float = 1) -> None:
        """Count one more for these label values."""
        self._values[values] = self._values.get(values, 0) + by

    def lines(self) -> Iterator[str]:
        """Yield the lines of the exposition."""
        yield from self._head
        for values, number in sorted(self._values.items()):
            yield f"{self._name}{_braces(self._labels, values)} {_text(number)}"


class Gauge:
    """A number that goes up and down: set, or read from a function when it is asked for."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        self._head = _head(name, help_text, "gauge")
        self._name = name
        self._labels = tuple(labels)
        self._values: dict[tuple[str, ...], Callable[[], float]] = {}

    def set(self, *values: str, to: float) -> None:
        """Set the number for these label values."""
        self._values[values] = lambda: to

    def read_from(self, *values: str, read: Callable[[], float]) -> None:
        """Read the number for these label values whenever metrics are scraped."""
        self._values[values] = read

    def remove(self, *values: str) -> None:
        """Forget about these label values, because what they stood for is gone."""
        self._values.pop(values, None)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the exposition."""
        yield from self._head
        for values, read in sorted(self._values.items(), key=lambda item: item[0]):
            yield f"{self._name}{_braces(self._labels, values)} {_text(read())}"


class Histogram:
    """How numbers are spread over buckets, each of which counts those up to its bound."""

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = DURATION_BUCKETS,
    ) -> None:
        self._head = _head(name, help_text, "histogram")
        self._name = name
        self._labels = tuple(labels)
        self._bounds = tuple(sorted(buckets))
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def observe(self, *values: str, number: float) -> None:
        """Count a number in."""
        counts = self._counts.setdefault(values, [0] * (len(self._bounds) + 1))
        counts[bisect_left(self._bounds, number)] += 1
        self._sums[values] = self._sums.get(values, 0.0) + number

    def lines(self) -> Iterator[str]:
        """Yield the lines of the exposition."""
        yield from self._head
        bounds = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        for values, counts in sorted(self._counts.items()):
            total = 0
            for bound, count in zip(bounds, counts, strict=True):
                total += count
                yield f"{self._name}_bucket{_braces((*self._labels, 'le'), (*values, bound))} {total}"
            yield f"{self._name}_sum{_braces(self._labels, values)} {_text(self._sums[values])}"
            yield f"{self._name}_count{_braces(self._labels, values)} {total}"


class PassMetrics:
    """Count the passes of controllers, by the names controller-runtime gives these metrics."""

    def __init__(self, registry: Registry) -> None:
        self._passes = registry.add(
            Counter(
                "controller_runtime_reconcile_total", "Passes, by how they ended.", ("controller", "result")
            )
        )
        self._seconds = registry.add(
            Histogram("controller_runtime_reconcile_time_seconds", "How long passes took.", ("controller",))
        )

    def pass_ended(self, controller: str, result: str, seconds: float) -> None:
        """Take note of a pass."""
        self._passes.increment(controller, result)
        self._seconds.observe(controller, number=seconds)


def sample(name: str, number: float, /, **labels: str) -> str:
    """Return one line of the exposition, for metrics that are read from elsewhere."""
    return f"{name}{_braces(tuple(labels), tuple(labels.values()))} {_text(number)}"


def _text(number: float) -> str:
    """Return a number with all its digits, and without a fraction where it has none."""
    return repr(number).removesuffix(".0")


def _head(name: str, help_text: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"


def _braces(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
