"""One case: a function that does something with a module, and says in a sentence what."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from hack.parity.stage import Stage

Run = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case by its name, as on the command line."""

    name: str
    about: str
    """The function's sentence."""
    run: Run

    @classmethod
    def of(cls, run: Run) -> Self:
        """Make a case of a function: its name with dashes, and the first line of its docstring."""
        sentence = (run.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        return cls(name=run.__name__.replace("_", "-"), about=sentence, run=run)
