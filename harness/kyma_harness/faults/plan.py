"""Decide which call meets which fault. A plan is told every call, and can be told again: it is a seed."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from kyma_harness.faults.call import ApiCall
from kyma_harness.faults.fault import (
    CONFLICT,
    INTERNAL_ERROR,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    Cut,
    Delay,
    EndWatch,
    Expire,
    Fault,
    Kill,
    Moment,
)
from kyma_harness.faults.record import Selects


class Plan(Protocol):
    """Decide call by call; ``str()`` of it is what must be known to repeat it."""

    def meet(self, call: ApiCall) -> Fault | None:
        """Return what a call meets, None if it goes through unharmed."""


class Calm:
    """Let everything through."""

    def meet(self, call: ApiCall) -> Fault | None:  # noqa: ARG002 - it is the same for all
        """Let it through."""
        return None

    def __str__(self) -> str:
        """Say so."""
        return "no faults"


@dataclass(slots=True, kw_only=True)
class Counting:
    """Let everything through, and count what is selected."""

    selects: Selects
    seen: int = 0

    def meet(self, call: ApiCall) -> Fault | None:
        """Count a call."""
        self.seen += self.selects(call)
        return None

    def __str__(self) -> str:
        """Say so."""
        return "no faults"


def every_call(call: ApiCall) -> bool:  # noqa: ARG001 - a selection of everything
    """Select every call."""
    return True


@dataclass(slots=True, kw_only=True)
class Nth:
    """Let a fault meet the N-th call of those selected, counted from one, and no other."""

    number: int
    fault: Fault
    selects: Selects = every_call
    met: ApiCall | None = None
    """The call that met it, once it came."""
    seen: int = 0

    def meet(self, call: ApiCall) -> Fault | None:
        """Count a call."""
        if self.met is not None or not self.selects(call):
            return None
        self.seen += 1
        if self.seen < self.number:
            return None
        self.met = call
        return self.fault

    def __str__(self) -> str:
        """Say which."""
        return f"{self.fault} call {self.number}"


def kill_at(number: int, moment: Moment, *, selects: Selects = every_call) -> Nth:
    """Return the plan that kills at the N-th of the selected calls."""
    return Nth(number=number, fault=Kill(moment=moment), selects=selects)


ON_READS: Final[tuple[Fault, ...]] = (
    TOO_MANY_REQUESTS,
    INTERNAL_ERROR,
    UNAVAILABLE,
    Cut(moment=Moment.BEFORE),
    Cut(moment=Moment.AFTER),
    Delay(seconds=0.3),
)
ON_WRITES: Final = (*ON_READS, CONFLICT)
ON_WATCHES: Final[tuple[Fault, ...]] = (EndWatch(after=0.5), Expire(), UNAVAILABLE, Cut())


@dataclass(slots=True, kw_only=True)
class Mixed:
    """Let a share of all calls meet faults, chosen by a seed.

    The choice for a call depends on what it is and how often that came before, not on what else is under way
    at the time: the same seed means the same misfortunes to a program that behaves the same.
    """

    seed: int
    share: float = 0.2
    at_most: int | None = None
    """Faults after which everything goes through; None for no end."""

    on_reads: Sequence[Fault] = ON_READS
    on_writes: Sequence[Fault] = ON_WRITES
    on_watches: Sequence[Fault] = ON_WATCHES
    selects: Selects = every_call
    met: Counter[str] = field(default_factory=Counter)
    """How often each fault was met."""
    _seen: Counter[str] = field(default_factory=Counter)

    def meet(self, call: ApiCall) -> Fault | None:
        """Choose for a call."""
        choices = self._choices(call)
        if not choices or self._is_over or not self.selects(call):
            return None
        self._seen[str(call)] += 1
        chance = random.Random(f"{self.seed}/{call}/{self._seen[str(call)]}")  # noqa: S311 - it is to be repeated
        if chance.random() >= self.share:
            return None
        fault = chance.choice(choices)
        self.met[str(fault)] += 1
        return fault

    @property
    def _is_over(self) -> bool:
        return self.at_most is not None and self.met.total() >= self.at_most

    def _choices(self, call: ApiCall) -> Sequence[Fault]:
        if call.is_watch:
            return self.on_watches
        return self.on_writes if call.is_write else self.on_reads

    def __str__(self) -> str:
        """Say what is needed to repeat it."""
        limit = "" if self.at_most is None else f", {self.at_most} at most"
        return f"faults for {self.share:.0%} of the calls{limit}, seed {self.seed}"
