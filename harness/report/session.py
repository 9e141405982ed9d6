"""What a report is about: the outcomes of a session, and the evidence of what failed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.observe.folder import DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one test ended."""

    test: str
    outcome: str
    """``passed``, ``failed`` or ``skipped``."""
    seconds: float
    reason: str = ""
    """Why it was skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of tests."""

    started: float
    ended: float
    outcomes: Sequence[Outcome]
    incidents: Sequence[Mapping[str, Any]] = ()
    """The data of each piece of evidence, with ``folder`` relative to the report."""
    facts: Mapping[str, str] = field(default_factory=dict)

    def having(self, outcome: str) -> list[Outcome]:
        """Return the tests that ended so."""
        return [one for one in self.outcomes if one.outcome == outcome]


def read_incidents(base: Path, folders: Iterable[Path]) -> list[dict[str, Any]]:
    """Read what was laid down, in the order of time."""
    found = []
    for folder in folders:
        data = json.loads((folder / DATA).read_text(encoding="utf-8"))
        found.append({**data, "folder": folder.relative_to(base).as_posix()})
    return sorted(found, key=lambda one: float(one["started"]))
