"""``kyma-harness tools``, ``deploy`` and ``grant-rights``: steps of ``up`` that one may take alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kyma_harness.cli.examples import teaches
from kyma_harness.cli.outcomes import Deployed
from kyma_harness.host.choices import Stage

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session


@teaches(
    {"tools": "all that the embedded cluster needs", "tools --also kustomize": "and one that it does not"}
)
@click.option("--also", multiple=True, help="An optional tool, such as kustomize, which the Kyma CLI needs.")
async def tools(session: Session, also: tuple[str, ...]) -> None:
    """Fetch or build the tools, and print the folder they are in."""
    from kyma_harness.toolchain.tools import ensure

    settings = session.settings
    found = await ensure(explicit=settings.tools, cache=settings.cache, also=also, console=session.console)
    click.echo(found.folder)


@teaches(
    {"up --until bundle && kyma-harness deploy": "the steps of `up`, taken one by one"},
    then="`grant-rights` lets module-manager install modules, `enable` adds one.",
)
async def deploy(session: Session) -> Deployed:
    """Deploy the lifecycle managers, the template and the Kyma."""
    from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE
    from kyma_harness.session import stages
    from kyma_harness.session.progress import Ledger

    testbed, ledger = await session.running(), Ledger(session.console)
    await stages.take(testbed, ledger, first=Stage.MANAGERS, last=Stage.KYMA)
    return Deployed(
        cluster=testbed.settings.cluster,
        managers=str(testbed.managers.pair),
        kyma=f"{KCP_NAMESPACE}/{DEFAULT_KYMA}",
    )


@teaches({"grant-rights": "before the first module is enabled"}, then="`enable` adds a module.")
async def grant_rights(session: Session) -> None:
    """Let module-manager install modules in its own cluster.

    It widens the ClusterRole of module-manager, which as shipped does not cover what modules contain.
    """
    from kyma_harness.kyma import deploy as kyma

    async with (await session.running()).client() as client:
        await kyma.grant_rights(client)
