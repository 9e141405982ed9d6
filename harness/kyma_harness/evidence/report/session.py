"""What a report is about: the outcomes of a session, and the evidence of what failed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from kyma_harness.evidence.folder import DATA
from kyma_harness.evidence.report.errors import NoEvidenceError

OUTCOMES = "session.json"
"""The file that keeps a session's outcomes beside the evidence, for a report that is drawn again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one test ended."""

    test: str
    outcome: str
    """``passed``, ``failed``, ``skipped``, or ``rerun``: it failed, was run again, and passed."""
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

    def keep(self, base: Path) -> None:
        """Write the outcomes down beside the evidence."""
        kept = {
            "started": self.started,
            "ended": self.ended,
            "outcomes": [asdict(one) for one in self.outcomes],
            "folders": [one["folder"] for one in self.incidents],
        }
        (base / OUTCOMES).write_text(json.dumps(kept, indent=1), encoding="utf-8")

    @classmethod
    def last(cls, base: Path) -> Self:
        """Read the last session that left evidence; of one that was killed, the evidence is all there is.

        Raises :class:`NoEvidenceError` where there is none.
        """
        found = (
            *base.glob(f"*/{DATA}"),
            *base.glob(f"*/*/{DATA}"),
        )  # of a failure, and of what came after it
        incidents = read_incidents(base, (file.parent for file in found))
        if not incidents:
            raise NoEvidenceError(
                f"no failed test has left evidence in {base.absolute()}",
                remedy="run the tests there, or name their --harness-evidence with --evidence",
            )
        kept = _kept(base)
        after = [one for one in incidents if one["ended"] > kept.get("ended", 0)]
        if after:
            ended = max(one["ended"] for one in after)
            return cls(started=after[0]["started"], ended=ended, outcomes=[], incidents=after)
        return cls(
            started=kept["started"],
            ended=kept["ended"],
            outcomes=[Outcome(**one) for one in kept["outcomes"]],
            incidents=[one for one in incidents if one["folder"] in kept["folders"]],
        )


def read_incidents(base: Path, folders: Iterable[Path]) -> list[dict[str, Any]]:
    """Read what was laid down, in the order of time."""
    found = []
    for folder in folders:
        data = json.loads((folder / DATA).read_text(encoding="utf-8"))
        found.append({**data, "folder": folder.relative_to(base).as_posix()})
    return sorted(found, key=lambda one: (one["started"], one["ended"]))


def _kept(base: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads((base / OUTCOMES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return kept
