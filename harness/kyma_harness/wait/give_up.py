"""How long a wait bears with what looks hopeless."""

import enum
from dataclasses import dataclass, field, replace
from typing import Self


class Category(enum.StrEnum):
    """What may keep an object from ever getting there, in the order of their weight as a cause.

    The values are the names of the fields of :class:`Patience`.
    """

    IMAGE = "image"
    CONFIGURATION = "configuration"
    CRASH_LOOP = "crash_loop"
    FINALIZER = "finalizer"
    UNSCHEDULABLE = "unschedulable"
    REPLICAS = "replicas"
    OVER = "over"
    STATE = "state"
    UNKNOWN = "unknown"
    """Worth telling when the time is up, but never a reason to give up before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds for which each symptom must last before a wait gives up on it; None: until its time is up.

    None of them but ``over`` is zero: a healthy cluster shows each other symptom for a moment, such as a pod
    whose volume is about to be bound.
    """

    image: float | None = 2
    configuration: float | None = 5
    """A Secret or ConfigMap that a container needs is missing, or its program cannot be started."""
    crash_loop: float | None = 2
    """Counted from ``restarts`` on, each time anew: a program may have to wait for another at its start."""
    restarts: int = 2
    """So often a container is started again before its crashing counts as a loop."""
    finalizer: float | None = 2
    unschedulable: float | None = 10
    replicas: float | None = 5
    """The API server refuses the pods of a workload."""
    over: float | None = 0
    """The very pod or Job that is waited for has ended, and does not start again."""
    state: float | None = 10
    """Managers retry, so that an error can pass."""
    states: frozenset[str] = field(default_factory=lambda: frozenset({"Error"}))
    """The ``status.state`` from which nothing comes by itself."""
    reasons: frozenset[str] = frozenset()
    """Reasons of conditions from which nothing comes by itself."""

    def limit(self, category: Category) -> float | None:
        """Return the seconds that a symptom of a category may last."""
        limit: float | None = getattr(self, category.value, None)
        return limit

    def accepting(self, state: str) -> Self:
        """Return the same patience, for somebody who waits for this very state."""
        return replace(self, states=self.states - {state})

    @classmethod
    def endless(cls) -> Self:
        """Return the patience that never gives up before the time is up."""
        return cls(
            image=None,
            configuration=None,
            crash_loop=None,
            finalizer=None,
            unschedulable=None,
            replicas=None,
            over=None,
            state=None,
        )
