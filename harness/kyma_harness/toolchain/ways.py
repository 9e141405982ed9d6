"""What every way to a tool has in common."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kyma_harness.toolchain.catalogue import Tool

Report = Callable[[str, float | None], None]
"""Say what is being done, and how much of it (0 to 1) if that is known."""


class WayFailedError(Exception):
    """Say in a phrase why a way does not lead to a tool; another may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a way would do for a tool."""

    label: str
    seconds: float | None = None
    """How long it takes, if that can be told."""


class Way(Protocol):
    """A way to come by a tool."""

    @property
    def name(self) -> str:
        """Name it as in "tried: ..."."""

    def offer(self, tool: Tool) -> Offer:
        """Say what it would do; raise WayFailedError where it need not even be tried."""

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        """Write the binary to `target`, which is not there yet. Raises WayFailedError."""
