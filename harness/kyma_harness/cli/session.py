"""What every command gets from the command line it hangs on."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kyma_harness.cli.output import Format
from kyma_harness.clusters.errors import NotRunningError

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from kyma_harness.session.settings import Settings
    from kyma_harness.session.setup import Testbed
    from kyma_harness.toolchain.toolchain import ToolPaths


class Session:
    """The settings of this run, a console for people, and the format for scripts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.format = Format.TEXT

    @cached_property
    def console(self) -> Console:
        """Where people are told what happens."""
        from rich.console import Console

        return Console(stderr=True)

    async def tools(self, only: Collection[str] | None = None) -> ToolPaths:
        """Return the tools, or some of them, fetched or built where they are not at hand."""
        from kyma_harness.toolchain.tools import ensure

        return await ensure(explicit=self.settings.tools, cache=self.settings.cache, only=only)

    async def testbed(self) -> Testbed:
        """Decide on everything, without starting anything."""
        from kyma_harness.session.setup import set_up

        return await set_up(self.settings, self.console)

    async def attached(self) -> Testbed | None:
        """Return the testbed of the running cluster; nothing where there is none."""
        from kyma_harness.session.record import Record

        if Record.read(self.settings) is None:
            return None
        testbed = await self.testbed()
        return testbed if await testbed.provider.attach() else None

    async def running(self) -> Testbed:
        """Return the testbed of the running cluster; an error where there is none."""
        testbed = await self.attached()
        if testbed is None:
            raise NotRunningError.of_cluster(self.settings.cluster)
        return testbed
