"""``kyma-harness check``: what the lifecycle managers could not do with a module, told without a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kyma_harness.cli.examples import teaches

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session


@teaches(
    {
        "check": "the module of this folder",
        "--module lamp/module.yaml check": "another one",
    },
    then="`bundle` checks the same, and packs and pushes the module.",
)
async def check(session: Session) -> None:
    """Judge the module without a cluster, in about a second.

    It reads module.yaml, renders the chart with its settings, and holds the default CR against its CRD.
    What has to be mended begins with ✗ and makes the command fail; what is only better known, with a dash.
    """
    import asyncio

    from kyma_harness.kyma.helm import Helm
    from kyma_harness.kyma.module import Module
    from kyma_harness.oci.check import check_thoroughly
    from kyma_harness.toolchain.tools import at_hand

    module = await asyncio.to_thread(Module.load, session.settings.module)
    tools = await at_hand(explicit=session.settings.tools, cache=session.settings.cache)
    helm = Helm(tools.found["helm"]) if "helm" in tools.found else None
    problems = await check_thoroughly(module, helm)
    for problem in problems:
        click.echo(f"{'✗' if problem.is_fatal else '-'} {problem.says}")
    fatal = sum(problem.is_fatal for problem in problems)
    if fatal:
        raise click.ClickException(f"module {module.short_name}: {fatal} of these have to be mended")
    session.console.print(f"module {module.short_name} has no problem that is known", highlight=False)
