"""What the original pair was seen to do, kept in the repository: not everybody has its programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from hack.parity.recording import Recording

FILE = Path(__file__).with_name("originals.jsonl")
"""A recording a line: of each case every course that it was seen to take."""


def load(path: Path = FILE) -> dict[str, list[Recording]]:
    """Return the recordings by the name of their case; where there are several, each is right.

    The original is at times a race with itself: a busy machine and an idle one made the first of them.
    """
    found: dict[str, list[Recording]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        recording = Recording(**json.loads(line))
        found.setdefault(recording.case, []).append(recording)
    return found


def with_new(known: Mapping[str, Sequence[Recording]], seen: Iterable[Recording]) -> list[Recording]:
    """Return all recordings in the order of their cases, with what was seen and was not known yet."""
    every = {case: list(recordings) for case, recordings in known.items()}
    for one in seen:
        same = every.setdefault(one.case, [])
        if not any(is_same_course(one, other) for other in same):
            same.append(one)
    return [recording for case in sorted(every) for recording in every[case]]


def is_same_course(one: Recording, other: Recording) -> bool:
    """Tell whether two recordings differ in nothing but the time that the case took."""
    return replace(one, seconds=0) == replace(other, seconds=0)


def write(recordings: Iterable[Recording], path: Path = FILE) -> None:
    """Keep recordings, a line each."""
    lines = (
        json.dumps(asdict(one), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        for one in recordings
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
