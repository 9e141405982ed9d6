"""What was seen of one case with one pair of managers, in a form that can be compared and kept."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One case with one pair; names, times and digests that differ from run to run are taken out."""

    case: str
    pair: str
    outcome: str
    """``done``, or the sentence in which the case gave up."""
    seconds: float
    sequences: dict[str, list[str]] = field(default_factory=dict)
    """Object, such as ``Manifest case-lamp``: its states with their conditions, in their order."""
    objects: dict[str, Any] = field(default_factory=dict)
    """What there is of the case at its end."""
    events: list[str] = field(default_factory=list)
    """Every kind of Event once, sorted."""

    def write(self, folder: Path) -> None:
        """Keep it in a folder of recordings."""
        path = folder / self.pair / f"{self.case}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, pair: str, case: str) -> Self | None:
        """Return what was kept; None where nothing was."""
        try:
            return cls(**json.loads((folder / pair / f"{case}.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
