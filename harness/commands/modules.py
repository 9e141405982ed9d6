"""``kyma-harness enable``, ``disable``, ``switch`` and ``verify``: the module in a cluster that is up."""

import click

from controller.resource import Kind
from harness import mainjob
from harness.commands.session import Session
from harness.kyma import deploy
from harness.kyma.kinds import KCP_NAMESPACE
from harness.ledger import Ledger
from harness.observe.claims import has_state
from harness.observe.waits import Target, wait_for
from harness.testbed import Testbed


@click.argument("module", required=False)
@click.option("--channel", default=mainjob.CHANNEL, show_default=True)
async def enable(session: Session, module: str | None, channel: str) -> None:
    """Add a module to the Kyma resource, and wait until it is Ready."""
    testbed = await session.running()
    with Ledger(session.console).step("enable") as step:
        async with testbed.client() as client:
            _check_known(testbed, module)
            await mainjob.enable(testbed, client, step, channel)


@click.argument("module", required=False)
async def disable(session: Session, module: str | None) -> None:
    """Remove a module from the Kyma resource, and wait until nothing of it is left."""
    testbed = await session.running()
    with Ledger(session.console).step("disable"):
        async with testbed.client() as client:
            _check_known(testbed, module)
            await deploy.disable_module(client, testbed.module.short_name)
            await deploy.wait_until_removed(client, testbed.module.short_name)


@click.argument("value")
async def switch(session: Session, value: str) -> None:
    """Set the module's switch, which for Eventing is the backend: nats or eventmesh."""
    testbed = await session.running()
    module = testbed.module
    if module.switch is None:
        raise click.UsageError(f"module {module.short_name} names no `switch` in its module.yaml")
    patch = module.switch.patch(value)
    name = deploy.instance_name(module.short_name)
    target = Target(kind=Kind.of(dict(module.default_cr)), name=name, namespace=KCP_NAMESPACE)
    with Ledger(session.console).step("switch") as step:
        async with testbed.client() as client:
            await client.merge_patch(target.kind, target.name, patch, namespace=target.namespace)
            await wait_for(client, target, has_state("Ready"), what="be Ready")
        step.note(f"{target} is Ready with {value}")


async def verify(session: Session) -> None:
    """Check the module's resource, the Kyma's status, the manager's log, and what the module offers."""
    testbed = await session.running()
    async with testbed.client() as client:
        for one in await mainjob.check(testbed, client):
            session.console.print(f"[green]✓[/green] {one.name}", highlight=False)


def _check_known(testbed: Testbed, module: str | None) -> None:
    if module and module != testbed.module.short_name:
        raise click.UsageError(f"this cluster was made for module {testbed.module.short_name}, not {module}")
