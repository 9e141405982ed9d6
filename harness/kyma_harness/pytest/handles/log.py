"""Expect and forbid lines in a manager's log, from ordinary test functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.resource import ObjectKey
from kyma_harness.host.blocking import Portal
from kyma_harness.kube.logrecords import LogRecord, Reading, read_records
from kyma_harness.wait.eventually import EventuallyError, eventually

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What one Deployment has logged as JSON lines since the test began."""

    portal: Portal
    client: Client
    deployment: ObjectKey
    since: float
    """A Unix time in seconds."""

    def records(self, **fields: Any) -> list[LogRecord]:
        """Return the lines that have all these fields, every line without any.

        Dots lead into nested fields, as in ``**{"eventing.name": "x"}``; a callable is a predicate.
        """
        return list(self._read(fields).records)

    def expect(self, *, within: float = 60, **fields: Any) -> LogRecord:
        """Wait for a line that has all these fields, and return the last of them."""
        __tracebackhide__ = True
        what = f"a line {self._where(fields)}"
        try:
            tolerated = (ControllerError,)
            return eventually(lambda: self.records(**fields), what, within=within, tolerate=tolerated)[-1]
        except EventuallyError:
            read = self._read({})
            shown = _listed(read.records[-SHOWN:]) or "\n  (no line of JSON at all)"
            said = f"{what} did not come within {within:g} s; the last lines:{shown}"
            raise AssertionError(said + _missing(read)) from None

    def forbid(self, **fields: Any) -> None:
        """Fail if there is a line that has all these fields, or if a part of the log cannot be read."""
        __tracebackhide__ = True
        read = self._read(fields)
        if read.records:
            first, *others = read.records[:SHOWN]
            count = f"{len(read.records)} line(s)"
            raise AssertionError(f"{count} {self._where(fields)}: {first}{_listed(others)}")
        if read.gaps:
            raise AssertionError(f"it cannot be told that no line is {self._where(fields)}{_missing(read)}")

    def _where(self, fields: Mapping[str, Any]) -> str:
        return f"with {_words(fields)} in the log of Deployment {self.deployment}"

    def _read(self, fields: Mapping[str, Any]) -> Reading:
        return self.portal.call(read_records(self.client, self.deployment, self.since, fields))


def _listed(lines: Iterable[object]) -> str:
    return "".join(f"\n  {one}" for one in lines)


def _missing(read: Reading) -> str:
    return f"\nmissing of it:{_listed(read.gaps)}" if read.gaps else ""


def _words(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in fields.items())
