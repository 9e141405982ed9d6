"""Show the end of what a process wrote: that is where it says why it failed."""

import os
from pathlib import Path

_TAIL_BYTES = 64 * 1024


def tail(path: Path, lines: int = 20) -> str:
    """Return the last lines of a file, nothing if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return last_lines(file.read().decode(errors="replace"), lines)
    except OSError:
        return ""


def last_lines(text: str, lines: int = 20) -> str:
    """Return the last lines of a text, without empty ones at its end."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
