"""What every command gets from the command line it hangs on."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyma_harness.cli.output import Format
from kyma_harness.clusters.errors import NotRunningError

if TYPE_CHECKING:
    from rich.console import Console

    from kyma_harness.session.settings import Settings
    from kyma_harness.session.setup import Testbed
    from kyma_harness.toolchain.toolchain import ToolPaths


class Session:
    """The settings of this run, a console for people, and the format for scripts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.format = Format.TEXT

    def choose(self, **chosen: Any) -> None:
        """Let what was chosen take the place of what was so before; ``None`` counts as not chosen."""
        from kyma_harness.session.settings import from_environment

        given = {name: value for name, value in chosen.items() if value is not None}
        if given:
            known = {field.name: getattr(self.settings, field.name) for field in fields(self.settings)}
            self.settings = from_environment(**{**known, **given})

    @cached_property
    def console(self) -> Console:
        """Where people are told what happens."""
        from rich.console import Console

        return Console(stderr=True)

    async def tools(self) -> ToolPaths:
        """Return the tools, fetched or built where they are not at hand."""
        from kyma_harness.toolchain.tools import ensure

        return await ensure(explicit=self.settings.tools, cache=self.settings.cache)

    async def testbed(self) -> Testbed:
        """Decide on everything, without starting anything."""
        from kyma_harness.session.setup import set_up

        return await set_up(self.settings, self.console)

    async def attached(self, *, whichever_module: bool = False) -> Testbed | None:
        """Return the testbed of the running cluster; nothing where there is none.

        A command that has nothing to do with the module takes whichever the cluster was made with, also in a
        folder that has another.
        """
        from kyma_harness.session.record import Record

        known = Record.read(self.settings)
        if known is None:
            return None
        if whichever_module:
            self.settings = replace(self.settings, module=Path(known.module))
        testbed = await self.testbed()
        return testbed if await testbed.provider.attach() else None

    async def running(self, *, whichever_module: bool = False) -> Testbed:
        """Return the testbed of the running cluster, as :meth:`attached`; an error where there is none."""
        testbed = await self.attached(whichever_module=whichever_module)
        if testbed is None:
            raise NotRunningError.of_cluster(self.settings.cluster)
        return testbed
