"""Logs are one JSON object a line, metrics what Prometheus reads."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from io import StringIO

import pytest

from kubeloop.errors import ConfigurationError
from kubeloop.logs import configure_logging, get_logger, logging_fields, set_level
from kubeloop.metrics import Counter, Gauge, Histogram, Registry


@pytest.fixture
def stream():
    """Where the log goes; what was configured before comes back."""
    handlers, level = logging.root.handlers, logging.root.level
    written = StringIO()
    configure_logging("info", written)
    yield written
    logging.root.handlers = handlers
    logging.root.setLevel(level)


def lines(stream: StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_program_without_a_log_prints_nothing_of_ours():
    program = "from kubeloop.logs import get_logger; get_logger('kubeloop.x').warning('watch failed')"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr == ""


def test_fields_stand_beside_the_message(stream):
    get_logger("test").info("object is applied", kind="Secret", name="a", namespace="b")

    (line,) = lines(stream)
    assert list(line) == ["time", "level", "logger", "message", "kind", "name", "namespace"]
    assert (line["level"], line["message"], line["name"]) == ("info", "object is applied", "a")


def test_fields_of_the_surroundings_are_on_every_line_within(stream):
    log = get_logger("test")

    with logging_fields(name="a"), logging_fields(backend="nats"):
        log.info("within")
    log.info("outside")

    within, outside = lines(stream)
    assert (within["name"], within["backend"]) == ("a", "nats")
    assert "name" not in outside


def test_an_error_raised_on_purpose_is_one_sentence(stream):
    get_logger("test").error("failed", exc_info=ConfigurationError("no kubeconfig"))

    (line,) = lines(stream)
    assert line["error"] == "no kubeconfig"
    assert "stacktrace" not in line


def test_a_bug_shows_where_it_is(stream):
    try:
        {}["a bug"]
    except LookupError:
        get_logger("test").exception("failed")

    (line,) = lines(stream)
    assert "test_kubeloop_logs.py" in line["stacktrace"]


def test_a_line_is_one_line_whatever_is_in_it(stream):
    get_logger("test").info("two\nlines", text="three\nmore\nlines", odd=object())

    assert len(lines(stream)) == 1


def test_the_level_takes_effect_at_once(stream):
    log = get_logger("test")
    log.debug("unheard")

    set_level("debug")
    log.debug("heard")

    assert [line["message"] for line in lines(stream)] == ["heard"]


def test_levels_have_the_names_of_the_contract(stream):
    get_logger("test").warning("careful")

    assert lines(stream)[0]["level"] == "warn"


def test_metrics_are_written_as_prometheus_reads_them():
    registry = Registry()
    writes = registry.add(Counter("writes_total", "Writes.", ("kind",)))
    depth = registry.add(Gauge("depth", "Depth."))
    seconds = registry.add(Histogram("seconds", "Seconds.", buckets=(1, 2)))

    writes.increment('with "quotes"')
    writes.increment('with "quotes"', by=2)
    depth.set(to=4)
    for number in (0.5, 1, 1.5, 9):
        seconds.observe(number=number)

    assert registry.exposition().splitlines() == [
        "# HELP writes_total Writes.",
        "# TYPE writes_total counter",
        r'writes_total{kind="with \"quotes\""} 3',
        "# HELP depth Depth.",
        "# TYPE depth gauge",
        "depth 4",
        "# HELP seconds Seconds.",
        "# TYPE seconds histogram",
        'seconds_bucket{le="1"} 2',
        'seconds_bucket{le="2"} 3',
        'seconds_bucket{le="+Inf"} 4',
        "seconds_sum 12",
        "seconds_count 4",
    ]


def test_a_gauge_can_be_read_when_it_is_asked_for_and_go():
    gauge = Gauge("depth", "Depth.", ("name",))
    numbers = [1.0, 2.0]
    gauge.read_from("a", read=numbers.pop)

    assert list(gauge.lines())[2:] == ['depth{name="a"} 2']
    gauge.remove("a")
    assert list(gauge.lines())[2:] == []
