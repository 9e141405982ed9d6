"""Log one JSON object a line: a constant message, and what varies as fields beside it."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from kubeloop.errors import ControllerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}

_KEYWORDS_OF_LOGGING: Final = frozenset({"exc_info", "stack_info", "stacklevel", "extra"})
_context: Final[ContextVar[Mapping[str, Any]]] = ContextVar("log_fields", default={})  # noqa: B039 - never written to


@contextmanager
def logging_fields(**fields: Any) -> Iterator[None]:
    """Add fields to every line that is logged within, by this task and those it starts."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class FieldLogger(logging.LoggerAdapter[logging.Logger]):
    """Take fields as keyword arguments: ``log.info("object is applied", kind="Secret")``."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Move the fields to where the formatter finds them."""
        passed_on = {name: value for name, value in kwargs.items() if name in _KEYWORDS_OF_LOGGING}
        fields = {name: value for name, value in kwargs.items() if name not in _KEYWORDS_OF_LOGGING}
        return msg, {**passed_on, "extra": {"fields": {**_context.get(), **fields}}}


def get_logger(name: str) -> FieldLogger:
    """Return the logger of a module."""
    return FieldLogger(logging.getLogger(name), {})


class JSONFormatter(logging.Formatter):
    """Write ``time``, ``level`` and ``message`` first, then the fields in the order they were given."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": "warn" if record.levelno == logging.WARNING else record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = str(error) or type(error).__name__
            if not isinstance(error, ControllerError):
                # Nobody raised this on purpose: where it happened matters more than what it says.
                line["stacktrace"] = self.formatException(record.exc_info or (None, None, None))
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logging of this process to a stream, stderr by default, as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JSONFormatter())
    logging.root.handlers = [handler]
    set_level(level)


def set_level(level: str) -> None:
    """Log from ``debug``, ``info``, ``warn`` or ``error`` on; takes effect at once."""
    logging.root.setLevel(LEVELS[level])


class Repeats:
    """Tell what is worth a line of the log: the first time, and then seldom, with how often it was.

    What goes wrong for days would otherwise fill a disk with one sentence.
    """

    def __init__(self, pause: float = 600.0) -> None:
        self._pause = pause
        self._told: dict[str, tuple[float, int]] = {}

    def times(self, what: str, now: float) -> int:
        """Take note of what happened; return how often it has since the last line, 0 where none is due."""
        told_at, untold = self._told.get(what, (None, 0))
        if told_at is not None and now - told_at < self._pause:
            self._told[what] = (told_at, untold + 1)
            return 0
        # What is different each time must not be remembered for ever.
        self._told = {text: seen for text, seen in self._told.items() if now - seen[0] < 2 * self._pause}
        self._told[what] = (now, 0)
        return untold + 1
