"""Expect and forbid lines in a manager's log, from ordinary test functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.resource import ObjectKey
from kyma_harness.blocking import Portal
from kyma_harness.observe.eventually import EventuallyError, eventually
from kyma_harness.observe.logrecords import LogRecord, records_of

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
        found = self.portal.call(records_of(self.client, self.deployment, self.since))
        return [one for one in found if one.has(fields)]

    def expect(self, *, within: float = 60, **fields: Any) -> LogRecord:
        """Wait for a line that has all these fields, and return the last of them."""
        __tracebackhide__ = True
        what = f"a line with {_words(fields)} in the log of Deployment {self.deployment}"
        try:
            tolerated = (ControllerError,)
            return eventually(lambda: self.records(**fields), what, within=within, tolerate=tolerated)[-1]
        except EventuallyError:
            last = self.records()[-SHOWN:]
            shown = "".join(f"\n  {one}" for one in last) or "\n  (no line of JSON at all)"
            raise AssertionError(f"{what} did not come within {within:g} s; the last lines:{shown}") from None

    def forbid(self, **fields: Any) -> None:
        """Fail if there is a line that has all these fields."""
        __tracebackhide__ = True
        if found := self.records(**fields):
            first, *others = found[:SHOWN]
            more = "".join(f"\n  {one}" for one in others)
            words = f"{len(found)} line(s) with {_words(fields)} in the log of Deployment {self.deployment}"
            raise AssertionError(f"{words}: {first}{more}")


def _words(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in fields.items())
