"""Say why the pairs differ where they do; what nobody has explained fails the comparison."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

import yaml

from hack.parity.comparison import Difference

FILE = Path(__file__).with_name("explanations.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why some differences are there; all patterns are those of a shell."""

    name: str
    why: str
    cases: tuple[str, ...]
    aspect: str = "*"
    subject: str = "*"
    real: str = "*"
    builtin: str = "*"

    def covers(self, difference: Difference) -> bool:
        """Tell whether this explains a difference."""
        return any(fnmatchcase(difference.case, case) for case in self.cases) and all(
            fnmatchcase(actual, _literal(pattern))
            for actual, pattern in (
                (difference.aspect, self.aspect),
                (difference.subject, self.subject),
                (difference.real, self.real),
                (difference.builtin, self.builtin),
            )
        )


@dataclass(frozen=True, slots=True)
class Explanations:
    """All explanations there are; the first that covers a difference is its."""

    entries: tuple[Explanation, ...]

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read them from a file."""
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))["explanations"]
        return cls(tuple(Explanation(**{**one, "cases": tuple(one["cases"])}) for one in listed))

    def of(self, difference: Difference) -> Explanation | None:
        """Return the explanation of a difference; None where there is none."""
        return next((one for one in self.entries if one.covers(difference)), None)

    def unexplained(self, differences: Iterable[Difference]) -> list[Difference]:
        """Return the differences that nobody has explained."""
        return [one for one in differences if self.of(one) is None]


def _literal(pattern: str) -> str:
    """Take brackets for themselves: object paths have indices."""
    return pattern.replace("[", "[[]")
