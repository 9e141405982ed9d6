"""Remember which calls were made and what became of them."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from kyma_harness.faults.call import ApiCall
from kyma_harness.faults.fault import Fault

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
