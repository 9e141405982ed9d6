r"""Hold a text against a CRD's ``pattern``, which is of Go's RE2 syntax, as far as Python can.

What RE2 knows and Python does not is translated where that is safe: ``(?i)`` in the middle, ``[[:alnum:]]``,
``\z``, ``\Q…\E``, ``\x{10FFFF}``, braces that are no repetition. Of what is left, ``\pL`` for example,
nothing is claimed: the API server judges it.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_SHORT = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_CONTROLS = {"a": r"\x07", "f": r"\f", "n": r"\n", "r": r"\r", "t": r"\t", "v": r"\v"}
_REPETITION = re.compile(r"\{[0-9]+(,[0-9]*)?\}")
_FLAGS = re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])")
_NAMED = re.compile(r"\(\?P?<([A-Za-z_][0-9A-Za-z_]*)>")
_POSIX = re.compile(r"\[:(\^?)([a-z]+):\]")
_CODE = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})")
_OCTAL = re.compile(r"\\([1-7][0-7]{1,2}|0[0-7]{0,2})")
_REPEATED_TWICE = re.compile(r"[*+?}][*+]")


class _Untranslatable(Exception):  # noqa: N818 - it never leaves this file
    """There is no pattern of Python's that surely means the same."""


def pattern_allows(pattern: str, text: str) -> bool | None:
    """Tell whether a pattern of a CRD matches somewhere in a text; None where only Go could tell."""
    matches = _compiled(pattern)
    if matches is None:
        return None
    compiled, folds_case = matches
    if folds_case and not (pattern + text).isascii():
        return None  # which letters are one another's other case, Go and Python do not agree on
    return compiled.search(text) is not None


@cache
def _compiled(pattern: str) -> tuple[re.Pattern[str], bool] | None:
    translation = _Translation(pattern)
    try:
        return re.compile(translation.result(), re.ASCII), translation.folds_case
    except (_Untranslatable, re.error, OverflowError, RecursionError):
        return None


class _Translation:
    """One pattern, read from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags: list[list[str]] = [[]]
        """For each open group the flag groups that were opened in it, and end with it or with a branch."""
        self.folds_case = False

    def result(self) -> str:
        """Return the pattern in Python's syntax; raises where that cannot be sure."""
        written = "".join(self._parts())
        if len(self._flags) != 1:
            raise _Untranslatable
        return written + ")" * len(self._flags[0])

    def _parts(self) -> Iterator[str]:
        steps: dict[str, Callable[[], str]] = {
            "\\": self._escape,
            "[": self._class,
            "(": self._open,
            ")": self._close,
            "|": self._branch,
            "{": self._brace,
        }
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            if character in steps:
                yield steps[character]()
            elif character == "$":
                yield self._take(1, r"\Z")  # Python's own would also match before a last line break
            elif character in "*+?":
                if _REPEATED_TWICE.match(self._pattern, self._at):
                    raise _Untranslatable  # Go refuses it, and Python takes it for something of its own
                yield self._take(1)
            else:
                yield self._take(1)

    def _take(self, length: int, instead: str | None = None) -> str:
        taken = self._pattern[self._at : self._at + length]
        self._at += length
        return taken if instead is None else instead

    def _escape(self) -> str:
        following = self._pattern[self._at + 1 : self._at + 2]
        if following == "Q":
            end = self._pattern.find("\\E", self._at)
            end = len(self._pattern) if end < 0 else end
            quoted = re.escape(self._pattern[self._at + 2 : end])
            self._at = min(end + 2, len(self._pattern))
            return quoted
        if following in ("A", "b", "B"):
            return self._take(2)
        if following == "z":
            return self._take(2, r"\Z")
        if following in _SHORT:
            return self._take(2, f"[{_SHORT[following]}]")
        if following.lower() in _SHORT:
            return self._take(2, f"[^{_SHORT[following.lower()]}]")
        return self._character()

    def _character(self) -> str:
        r"""Return an escaped character, inside of a class or outside: ``\.``, ``\n``, ``\x41``."""
        following = self._pattern[self._at + 1 : self._at + 2]
        if coded := _CODE.match(self._pattern, self._at):
            number = int(coded[1] or coded[2], 16)
        elif octal := _OCTAL.match(self._pattern, self._at):
            coded, number = octal, int(octal[1], 8)
        elif following in _CONTROLS:
            return self._take(2, _CONTROLS[following])
        elif following and following.isascii() and not following.isalnum():
            return self._take(2, re.escape(following))
        else:
            raise _Untranslatable
        if number > 0x10FFFF:  # noqa: PLR2004 - the last character there is
            raise _Untranslatable
        return self._take(len(coded[0]), f"\\U{number:08x}")

    def _class(self) -> str:
        parts = [self._take(1)]
        if self._pattern.startswith("^", self._at):
            parts.append(self._take(1))
        if self._pattern.startswith("]", self._at):
            parts.append(self._take(1, r"\]"))
        while not self._pattern.startswith("]", self._at):
            if self._at >= len(self._pattern):
                raise _Untranslatable
            parts.append(self._member())
        parts.append(self._take(1))
        return "".join(parts)

    def _member(self) -> str:
        if posix := _POSIX.match(self._pattern, self._at):
            if posix[1] or posix[2] not in _CLASSES:
                raise _Untranslatable
            return self._take(len(posix[0]), _CLASSES[posix[2]])
        if self._pattern.startswith("--", self._at):
            raise _Untranslatable
        character = self._pattern[self._at]
        if character == "\\":
            following = self._pattern[self._at + 1 : self._at + 2]
            if following in _SHORT:
                return self._take(2, _SHORT[following])
            return self._character()
        # Some of them mean something to Python in twos.
        return self._take(1, f"\\{character}" if character in "[&~|" else None)

    def _open(self) -> str:
        if flags := _FLAGS.match(self._pattern, self._at):
            return self._flagged(flags)
        if named := _NAMED.match(self._pattern, self._at):
            self._flags.append([])
            return self._take(len(named[0]), f"(?P<{named[1]}>")
        if self._pattern.startswith("(?", self._at):
            raise _Untranslatable
        self._flags.append([])
        return self._take(1)

    def _flagged(self, flags: re.Match[str]) -> str:
        """Return ``(?i:``, or begin what ``(?i)`` holds for: all that follows in its group."""
        on, off = flags[1].replace("U", ""), (flags[2] or "").replace("U", "").rstrip("-")
        if "m" in on + off:
            raise _Untranslatable  # its $ is neither of Python's
        self.folds_case |= "i" in on
        opening = f"(?{on}{off}:"
        if flags[3] == ":":
            self._flags.append([])
        else:
            self._flags[-1].append(opening)
        return self._take(len(flags[0]), opening)

    def _close(self) -> str:
        if len(self._flags) == 1:
            raise _Untranslatable
        return self._take(1, ")" * (len(self._flags.pop()) + 1))

    def _branch(self) -> str:
        here = self._flags[-1]
        return self._take(1, ")" * len(here) + "|" + "".join(here))

    def _brace(self) -> str:
        repetition = _REPETITION.match(self._pattern, self._at)
        if repetition is None:
            return self._take(1, r"\{")
        length = len(repetition[0])
        if self._pattern[self._at + length : self._at + length + 1] in ("*", "+"):
            raise _Untranslatable
        return self._take(length)
