"""What a command gets from the command line it hangs on."""

from typing import Protocol

from rich.console import Console

from harness.embedded.toolchain import ToolPaths
from harness.settings import Settings
from harness.testbed import Testbed


class Session(Protocol):
    """The settings of this run, and a console for people."""

    settings: Settings
    console: Console

    async def tools(self) -> ToolPaths:
        """Return the tools, fetched or built where they are not at hand."""

    async def attached(self) -> Testbed | None:
        """Return the testbed of the running cluster; nothing where there is none."""

    async def running(self) -> Testbed:
        """Return the testbed of the running cluster; an error where there is none."""
