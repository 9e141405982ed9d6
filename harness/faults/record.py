"""Remember which calls were made and what became of them."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.faults.call import ApiCall
from harness.faults.fault import Fault


@dataclass(slots=True, kw_only=True)
class Recorded:
    """One call that arrived."""

    call: ApiCall
    fault: Fault | None
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

    def since(self, mark: int = 0) -> Iterator[ApiCall]:
        """Yield the calls that came after a mark."""
        for entry in self.entries[mark:]:
            yield entry.call

    def count(self, selects: Callable[[ApiCall], bool], *, since: int = 0) -> Counter[str]:
        """Return how often each of the selected calls came after a mark."""
        return Counter(str(call) for call in self.since(since) if selects(call))
