"""Show the end of what a process wrote: that is where it says why it failed."""

import json
import os
import re
from pathlib import Path

_TAIL_BYTES = 64 * 1024
_NEAR_THE_END = 200
"""Lines; a stack of Go is shorter, and what was said before that was survived."""
_TELLS = re.compile(r'panic: |fatal error: |F\d{4} |.*"level":"(fatal|panic)"')
"""How lines begin by which programs in Go say why they end; what comes after them is where in their code."""
_MARK = re.compile(r"panic: |fatal error: |F\d{4} .*?\] ")


def tail(path: Path, lines: int = 20) -> str:
    """Return the last lines of a file, nothing if there is none."""
    return last_lines(_end_of(path), lines)


def telling(path: Path, lines: int = 20) -> str:
    """Return so many lines from the one on that says why a program ended, the last ones where none does."""
    last = _end_of(path).rstrip().splitlines()[-_NEAR_THE_END:]
    found = next((at for at, line in enumerate(last) if _TELLS.match(line)), None)
    return "\n".join(last[-lines:] if found is None else last[found : found + lines])


def reason_in(text: str) -> str:
    """Return why a program ended, by the first line of what is :func:`telling`, if that says anything.

    Of a line of JSON it is message and error, of others what comes after the mark of their kind.
    """
    line = text.partition("\n")[0].strip()
    if not _TELLS.match(line):
        return ""
    try:
        said = json.loads(line)
    except ValueError:
        return _MARK.sub("", line)
    return ": ".join(str(said[key]) for key in ("msg", "error") if said.get(key))


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def last_lines(text: str, lines: int = 20) -> str:
    """Return the last lines of a text, without empty ones at its end."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
