"""Decide which call meets which fault. A plan is told every call, and can be told again: it is a seed."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, Self

_READS: Final = frozenset({"get", "list", "watch"})
_BY_METHOD: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_TRUE: Final = frozenset({"true", "1"})
# What follows a namespace's name and is no resource in it.
_OF_A_NAMESPACE: Final = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One request: ``resource`` is its plural, empty for discovery and health; ``verb`` is RBAC's."""

    method: str
    path: str
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @classmethod
    def parse(cls, method: str, path: str, query: Mapping[str, str]) -> Self:
        """Read a request line."""
        group, parts = _split(path)
        namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in _OF_A_NAMESPACE:  # noqa: PLR2004
            namespace, parts = parts[1], parts[2:]
        resource, name, subresource = (*parts, "", "", "")[:3]
        return cls(
            method=method,
            path=path,
            verb=_verb(method, query, is_collection=bool(resource) and not name),
            group=group,
            resource=resource,
            subresource=subresource,
            namespace=namespace,
            name=name or _selected(query),
        )

    @property
    def is_watch(self) -> bool:
        """Whether the answer goes on and on."""
        return self.verb == "watch"

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.verb not in _READS

    def __str__(self) -> str:
        """Name it as in a sentence: ``patch statefulsets.apps kyma-system/eventing-nats``."""
        if not self.resource:
            return f"{self.verb} {self.path}"
        resource = self.resource + (f".{self.group}" if self.group else "")
        what = resource + (f"/{self.subresource}" if self.subresource else "")
        where = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(word for word in (self.verb, what, where) if word)


def _split(path: str) -> tuple[str, list[str]]:
    """Return the group and what follows the version."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        return "", parts[2:]
    if parts[:1] == ["apis"]:
        return (parts[1] if len(parts) > 1 else ""), parts[3:]
    return "", []


def _selected(query: Mapping[str, str]) -> str:
    """Return the one name that a list or watch is narrowed to, which RBAC takes for the call's."""
    field, _, name = query.get("fieldSelector", "").partition("=")
    return name if field == "metadata.name" and "," not in name else ""


def _verb(method: str, query: Mapping[str, str], *, is_collection: bool) -> str:
    if method not in _BY_METHOD:
        if query.get("watch") in _TRUE:
            return "watch"
        return "list" if is_collection else "get"
    return "deletecollection" if method == "DELETE" and is_collection else _BY_METHOD[method]


class Moment(StrEnum):
    """When a call is cut off."""

    BEFORE = "before"
    """The API server never sees it."""

    AFTER = "after"
    """The API server has done it, and the answer is lost: the caller cannot know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Answer with an error in the API server's stead."""

    status: int
    reason: str
    retry_after: int | None = None
    """Seconds, in the header and in the Status object."""

    def __str__(self) -> str:
        """Name it by its status."""
        return f"{self.status} {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Cut the connection."""

    moment: Moment = Moment.BEFORE

    def __str__(self) -> str:
        """Say when."""
        return f"cut {self.moment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Let the call through late: ``seconds`` beyond the caller's patience is a timeout."""

    seconds: float

    def __str__(self) -> str:
        """Say how late."""
        return f"{self.seconds:g} s late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Kill the process that the proxy was given, and cut the connection."""

    moment: Moment = Moment.BEFORE

    def __str__(self) -> str:
        """Say when."""
        return f"kill {self.moment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWatch:
    """Let a watch begin, and cut it after some seconds, in the middle of a line or not."""

    after: float

    def __str__(self) -> str:
        """Say when."""
        return f"watch cut after {self.after:g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """Tell a watch that its resource version is too old: an ERROR event with 410 Gone."""

    def __str__(self) -> str:
        """Name it as the API server does."""
        return "410 Expired"


Fault = Refuse | Cut | Delay | Kill | EndWatch | Expire

CONFLICT: Final = Refuse(status=409, reason="Conflict")
TOO_MANY_REQUESTS: Final = Refuse(status=429, reason="TooManyRequests", retry_after=1)
INTERNAL_ERROR: Final = Refuse(status=500, reason="InternalError")
UNAVAILABLE: Final = Refuse(status=503, reason="ServiceUnavailable")


Selects = Callable[[ApiCall], bool]


@dataclass(slots=True, kw_only=True)
class Recorded:
    """One call that arrived."""

    call: ApiCall
    fault: Fault | None
    at: float = field(default_factory=time.monotonic)
    status: int | None = None
    """What the caller was answered; None while it waits, and for ever if it was cut off."""

    def __str__(self) -> str:
        """Describe it in one line of a log."""
        met = f", met {self.fault}" if self.fault else ""
        return f"{self.call}: {self.status or 'no answer'}{met}"


@dataclass(slots=True)
class CallRecord:
    """Every call since the proxy was started, in the order of arrival."""

    entries: list[Recorded] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many there are: a mark to look back from."""
        return len(self.entries)

    def since(self, mark: int) -> list[Recorded]:
        """Return what came after a mark."""
        return self.entries[mark:]

    def count(self, selects: Selects, *, since: int = 0) -> Counter[str]:
        """Return how often each of the selected calls came after a mark."""
        return Counter(str(entry.call) for entry in self.since(since) if selects(entry.call))


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
