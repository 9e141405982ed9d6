"""What every command is given: settings, a console for people, options that say who provides the cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kyma_harness.cli.output import Format
from kyma_harness.clusters.errors import NotRunningError
from kyma_harness.session.options import OF_PROVIDERS, Option

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from kyma_harness.session.options import Settings
    from kyma_harness.session.record import RecordFile
    from kyma_harness.session.setup import Testbed
    from kyma_harness.toolchain.toolchain import ToolPaths


class Session:
    """The settings of this run, a console for people, and the format for scripts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.format = Format.TEXT

    def choose(self, **chosen: Any) -> None:
        """Let what was chosen take the place of what was so before; ``None`` counts as not chosen."""
        from kyma_harness.session.options import from_environment

        given = {name: value for name, value in chosen.items() if value is not None}
        if given:
            known = {field.name: getattr(self.settings, field.name) for field in fields(self.settings)}
            self.settings = from_environment(**{**known, **given})

    @cached_property
    def console(self) -> Console:
        """Where people are told what happens."""
        from rich.console import Console

        return Console(stderr=True)

    async def tools(self, only: Collection[str] | None = None) -> ToolPaths:
        """Return the tools, or some of them, fetched or built where they are not at hand."""
        from kyma_harness.toolchain.tools import ensure

        return await ensure(explicit=self.settings.tools, cache=self.settings.cache, only=only)

    async def testbed(self, record: RecordFile | None = None) -> Testbed:
        """Decide on everything, without starting anything."""
        from kyma_harness.session.setup import set_up

        return await set_up(self.settings, self.console, record)

    async def attached(self, *, whichever_module: bool = False) -> Testbed | None:
        """Return the testbed of the running cluster; nothing where there is none.

        A command that has nothing to do with the module takes whichever the cluster was made with, also in a
        folder that has another.
        """
        from kyma_harness.session.record import RecordFile

        record = RecordFile(self.settings)
        known = record.now()
        if known is None:
            return None
        if whichever_module:
            self.settings = replace(self.settings, module=Path(known.module))
        testbed = await self.testbed(record)
        return testbed if await testbed.provider.attach() else None

    async def running(self, *, whichever_module: bool = False) -> Testbed:
        """Return the testbed of the running cluster, as :meth:`attached`; an error where there is none."""
        testbed = await self.attached(whichever_module=whichever_module)
        if testbed is None:
            raise NotRunningError.of_cluster(self.settings.cluster)
        return testbed


F = TypeVar("F", bound=Callable[..., Any])

LOOKED_AT = ("kubeconfig", "context", "registry", "kind_binary")
"""What decides whether a provider can run here."""


def option(asked: Option, note: str = "", **more: Any) -> Callable[[F], F]:
    """Return an option of the table as click has it; ``note`` stands behind its help."""
    if asked.choices:
        more |= {"type": click.Choice(asked.choices)}
    told = f"{asked.help[:1].upper()}{asked.help[1:]}.{note}"
    return click.option(f"--{asked.option}", asked.name, help=told, **more)


def provider_options(run: F) -> F:
    """Add all that says who provides the cluster, and how."""
    return _asking(run, OF_PROVIDERS)


def probe_options(run: F) -> F:
    """Add those that decide whether a provider can run here."""
    return _asking(run, [one for one in OF_PROVIDERS if one.name in LOOKED_AT])


def _asking(run: F, asked: Sequence[Option]) -> F:
    for one in reversed(asked):
        run = option(one)(run)
    return run
