"""Logs are one JSON object a line."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from io import StringIO

import pytest

from kubeloop.errors import ConfigurationError
from kubeloop.logs import configure_logging, get_logger, logging_fields, set_level


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
