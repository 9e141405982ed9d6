"""``kyma-harness tools``, ``deploy`` and ``grant-rights``: steps of ``up`` that one may take alone."""

import click

from harness import mainjob
from harness.commands.session import Session
from harness.embedded.tools import ensure
from harness.kyma import deploy as kyma
from harness.ledger import Ledger


@click.option("--also", multiple=True, help="An optional tool, such as kustomize, which the Kyma CLI needs.")
async def tools(session: Session, also: tuple[str, ...]) -> None:
    """Fetch or build the tools, and print the folder they are in."""
    settings = session.settings
    found = await ensure(explicit=settings.tools, cache=settings.cache, also=also, console=session.console)
    click.echo(found.folder)


async def deploy(session: Session) -> None:
    """Deploy the lifecycle managers, the module's template and the Kyma resource."""
    testbed, ledger = await session.running(), Ledger(session.console)
    async with testbed.client() as client:
        await mainjob.deploy_managers(testbed, client, ledger)
        await mainjob.deploy_kyma(testbed, client, ledger)


async def grant_rights(session: Session) -> None:
    """Let module-manager install modules in its own cluster; its role as shipped does not."""
    async with (await session.running()).client() as client:
        await kyma.grant_rights(client)
