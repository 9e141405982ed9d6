"""What every command is given: settings, a console for people, options that say who provides the cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kyma_harness.cli.output import Format
from kyma_harness.clusters.errors import NotRunningError
from kyma_harness.session.options import QUESTIONS, Question

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


F = TypeVar("F", bound=Callable[..., Any])

LOOKED_AT = ("kubeconfig", "context", "registry", "kind_binary")
"""What decides whether a provider can run here."""


def provider_options(run: F) -> F:
    """Add all of them."""
    return _asking(run, QUESTIONS)


def probe_options(run: F) -> F:
    """Add those that decide whether a provider can run here."""
    return _asking(run, [question for question in QUESTIONS if question.name in LOOKED_AT])


def _asking(run: F, questions: Sequence[Question]) -> F:
    for question in reversed(questions):
        kind = click.Choice(question.choices) if question.choices else None
        run = click.option(
            f"--{question.option}",
            question.name,
            type=kind,
            help=f"{question.help[:1].upper()}{question.help[1:]}.",
        )(run)
    return run
