"""What the original does in cases of which there is no recording, and how that is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hack.parity.recording import Recording
from kubeloop import goyaml
from kyma_harness.wait.difference import differences

FILE = Path(__file__).with_name("noted.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of the original in one case, though nobody has recorded it."""

    case: str
    basis: str
    """``seen``: somebody ran it and wrote down what came out; ``read``: it follows from its sources."""
    source: str
    """Where it is written, or what was run."""
    says: str
    sequences: Mapping[str, str] = field(default_factory=dict)
    """For an object a pattern of a shell that all of its states fit, as in ``*→ Error (*``."""
    objects: Mapping[str, Any] = field(default_factory=dict)
    """What is there in the end, as far as it is known; None for what is not."""


def load(path: Path = FILE) -> dict[str, Note]:
    """Return the notes by the name of their case."""
    listed = goyaml.load(path.read_bytes())["notes"]
    return {one["case"]: Note(**one) for one in listed}


def contradictions(note: Note, seen: Recording) -> list[str]:
    """Return what a pair did in another way than is known of the original."""
    joined = {ref: " → ".join(steps) for ref, steps in seen.sequences.items()}
    told = [f"outcome: {seen.outcome}"] if seen.outcome != "done" else []
    for ref, pattern in note.sequences.items():
        if not fnmatchcase(joined.get(ref, ""), pattern):
            told.append(f"{ref}: {joined.get(ref, 'never seen')}, which is not {pattern}")
    for ref, expected in note.objects.items():
        if (expected is None) is not (ref not in seen.objects):
            told.append(f"{ref} is {'there' if ref in seen.objects else 'not there'}")
        elif expected is not None:
            told += [f"{ref}: {one}" for one in differences(expected, seen.objects[ref])]
    return told
