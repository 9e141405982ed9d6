"""Read what a program has logged as a person does: its errors, and not the stack frames below them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 400
"""Characters of one line that are told; the evidence has all of it."""
_MESSAGES = ("msg", "message", "event")
_CAUSES = ("error", "err", "cause", "exception")
_STACKS = ("stacktrace", "stack", "stack_info", "exc_info", "traceback")
_BAD_LEVELS = frozenset({"error", "err", "dpanic", "panic", "fatal", "critical", "alert", "emergency"})

_GO_PLACE = re.compile(r"\t\S.*\.(go|s):\d+( \+0x[0-9a-f]+)?")
_GO_NOISE = re.compile(
    r"goroutine \d+ .*\[.*\]:|\[signal \S+: .*\]|exit status \d+|\.\.\.additional frames elided\.\.\."
)
_OTHER_FRAME = re.compile(r"\s+at \S.*|\s+\.\.\. \d+ more")
"""Of Java and JavaScript."""
_PYTHON_BEGINS = re.compile(r"(Exception Group )?Traceback \(most recent call last\):")
_PYTHON_LINKS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_PYTHON_BAR = re.compile(r"\s*[|+] ")
_PYTHON_RULE = re.compile(r"\s*\+[-+\s\d]*-{4,}")
"""What an exception group is drawn with."""
_KLOG = re.compile(r"([IWEF])\d{4} [\d:.]+\s+\d+ [^\]]+\] (.*)", re.DOTALL)
_KLOG_WORDS = re.compile(r'"((?:[^"\\]|\\.)*)"(.*)', re.DOTALL)
_PAIR = re.compile(r'(?:^|\s)(?:err|error)=("(?:[^"\\]|\\.)*"|\S+)')
_LEVEL = re.compile(
    r"\blevel=(error|fatal|panic|dpanic|critical)\b|^(panic|fatal error|error): |"
    r"\b(ERROR|CRITICAL|FATAL|PANIC)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One thing that a program has said."""

    text: str
    """Its time, what it says, and its fields, but for stacks and what is too long."""
    sentence: str
    """What it says, without level, time and fields that are no part of it."""
    is_error: bool
    full: str
    """All of it, to look for names in."""


def read(text: str) -> list[LogLine]:
    """Return what a log says; each of its lines begins with its time, but for ours, in brackets.

    Stack frames of Go, Python, Java and JavaScript are left out; of a traceback its last line stays, which is
    an error whatever else it says.
    """
    lines = [line.partition(" ")[::2] for line in text.splitlines() if line and not line.startswith("(")]
    return [_understood(at, words, raised=raised) for at, words, raised in _without_frames(lines)]


def last_error(lines: Iterable[LogLine], about: str = "", *, others: bool = True) -> str:
    """Return the last error that names this, or else the last of the others, if those count too."""
    errors = [line for line in lines if line.is_error]
    naming = [line for line in errors if about and about in line.full]
    return (naming or (errors if others else []) or [_NOTHING])[-1].sentence


def last_said(lines: Iterable[LogLine]) -> str:
    """Return the last error, or whatever came last where nothing is an error."""
    known = list(lines)
    return last_error(known) or (known or [_NOTHING])[-1].sentence


_NOTHING = LogLine(text="", sentence="", is_error=False, full="")


def _without_frames(lines: list[tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """Yield each line that says something, and whether it is what a traceback ends with."""
    in_traceback = False
    for number, (at, raw) in enumerate(lines):
        words = _PYTHON_BAR.sub("", raw, count=1) if _PYTHON_BAR.match(raw) else raw
        following = lines[number + 1][1] if number + 1 < len(lines) else ""
        if _PYTHON_BEGINS.fullmatch(words.strip()):
            in_traceback = True
        elif in_traceback and words.strip() and not words.startswith((" ", "\t")):
            in_traceback = False
            yield at, words, True
        elif not in_traceback and not _is_frame(words, following):
            yield at, words, False


def _is_frame(words: str, following: str) -> bool:
    if not words.strip() or words.strip() in _PYTHON_LINKS or _PYTHON_RULE.fullmatch(words):
        return True
    if _GO_PLACE.fullmatch(words) or _GO_NOISE.fullmatch(words) or _OTHER_FRAME.fullmatch(words):
        return True
    return (
        bool(_GO_PLACE.fullmatch(following)) and not words.startswith((" ", "\t", "{")) and "\t" not in words
    )


def _understood(at: str, words: str, *, raised: bool) -> LogLine:
    text, sentence, bad = words, words.strip(), raised or bool(_LEVEL.search(words))
    if (fields := _json(words)) is not None:
        level = str(fields.get("level", fields.get("severity", ""))).lower()
        rest = json.dumps(_remaining(fields), ensure_ascii=False, default=str)
        sentence = _told(fields) or rest
        text = f"{level} {sentence} {rest}".strip()
        bad = level in _BAD_LEVELS
    elif klog := _KLOG.fullmatch(words):
        bad = klog[1] in "EF"
        sentence = _of_klog(klog[2])
    elif words.count("\t") >= 2:  # noqa: PLR2004 - time, level and words at the least
        level, sentence = _of_zap(words.split("\t"))
        bad = level.lower() in _BAD_LEVELS
    return LogLine(
        text=_shortened(f"{at} {text}"),
        sentence=_shortened(" ".join(sentence.split())),
        is_error=bad,
        full=words,
    )


def _of_zap(parts: list[str]) -> tuple[str, str]:
    """Read a line of zap's development logger: time, level, name and place if any, words, fields as JSON."""
    fields = _json(parts[-1]) or {}
    words = parts[-2] if fields and len(parts) > 3 else parts[-1]  # noqa: PLR2004 - the fields are no words
    cause = next((str(fields[one]) for one in _CAUSES if fields.get(one)), "")
    return parts[1], f"{words}: {cause}" if cause else words


def _of_klog(words: str) -> str:
    """Read what klog writes: plain words, or words in quotes with fields behind them."""
    if not (found := _KLOG_WORDS.fullmatch(words)):
        return words
    cause = _PAIR.search(found[2])
    said = _unquoted(f'"{found[1]}"')
    return f"{said}: {_unquoted(cause[1])}" if cause else said


def _told(fields: Mapping[str, Any]) -> str:
    message = next((str(fields[one]) for one in _MESSAGES if fields.get(one)), "")
    cause = next((_end_of(str(fields[one])) for one in _CAUSES if fields.get(one)), "")
    return ": ".join(filter(None, (message, cause)))


def _end_of(cause: str) -> str:
    """Return the last line of a traceback; whatever else it is, all of it."""
    return cause.strip().splitlines()[-1] if "Traceback (most recent call last)" in cause else cause


def _remaining(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the sentence does not have, without stacks and the program's own time."""
    told = {*_STACKS, *_MESSAGES, *_CAUSES, "time", "ts", "timestamp", "level", "severity"}
    return {name: value for name, value in fields.items() if name.lower() not in told}


def _json(words: str) -> dict[str, Any] | None:
    if not words.startswith("{"):
        return None
    try:
        found = json.loads(words)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _unquoted(word: str) -> str:
    try:
        return str(json.loads(word))
    except json.JSONDecodeError:
        return word.strip('"')


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
