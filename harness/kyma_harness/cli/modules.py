"""``kyma-harness enable``, ``disable``, ``switch`` and ``verify``: the module in a cluster that is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kyma_harness.cli.completion import complete_module, complete_switch
from kyma_harness.cli.examples import teaches
from kyma_harness.cli.outcomes import Disabled, Enabled, Switched, Verified
from kyma_harness.host.choices import CHANNEL

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from kubeloop.client import Client
    from kyma_harness.cli.session import Session
    from kyma_harness.session.progress import Step
    from kyma_harness.session.setup import Testbed
    from kyma_harness.wait.observer import Observer
    from kyma_harness.wait.target import Target

SECONDS = 180.0
"""For which a switch may take."""
module_argument = click.argument("module", required=False, shell_complete=complete_module)


@module_argument
@click.option("--channel", default=CHANNEL, show_default=True, help="The channel to enable it with.")
@teaches(
    {"enable": "the module that the cluster was made for", "enable eventing --channel fast": "in a channel"},
    then="`verify` checks it, `switch` changes its backend, `disable` removes it again.",
)
async def enable(session: Session, module: str | None, channel: str) -> Enabled:
    """Add the module to the Kyma, and wait until it is Ready.

    It changes `spec.modules` of the Kyma; the lifecycle managers do the rest.
    """
    from kyma_harness.session import stages
    from kyma_harness.session.progress import Ledger

    testbed, ledger = await session.running(), Ledger(session.console)
    _check_known(testbed, module)
    with ledger.step("enable") as step:
        async with testbed.client() as client:
            await stages.enable(testbed, client, step, channel)
    return Enabled(
        cluster=testbed.settings.cluster,
        module=testbed.module.short_name,
        channel=channel,
        resource=str(_resource(testbed).key),
        seconds=round(ledger.total(), 1),
    )


@module_argument
@teaches({"disable": "the module that the cluster was made for"}, then="`enable` adds it again.")
async def disable(session: Session, module: str | None) -> Disabled:
    """Remove the module from the Kyma, and wait until it is gone.

    It changes `spec.modules` of the Kyma. The module's custom resource goes first, then its manager.
    """
    from kyma_harness.kyma import deploy
    from kyma_harness.kyma.resource_check import kinds_of
    from kyma_harness.session.progress import Ledger

    testbed, ledger = await session.running(), Ledger(session.console)
    _check_known(testbed, module)
    name = testbed.module.short_name
    with ledger.step("disable") as step:
        async with testbed.client() as client, _observing(testbed, client, step) as observer:
            await deploy.disable_module(client, name, quirks=testbed.managers.quirks)
            kinds = kinds_of(testbed.module)
            staying = await deploy.wait_until_removed(client, name, kinds=kinds, observer=observer)
        step.note(f"{name} is gone, and the Kyma is Ready without it")
    if staying:
        ledger.detail(f"still there, as nobody deletes it: {', '.join(staying)}")
    return Disabled(cluster=testbed.settings.cluster, module=name, seconds=round(ledger.total(), 1))


@click.argument("value", shell_complete=complete_switch)
@teaches(
    {"switch eventmesh": "Eventing: take NATS away", "switch nats": "Eventing: bring NATS back"},
    then="`verify` checks the module, `logs --follow` shows what its manager does.",
)
async def switch(session: Session, value: str) -> Switched:
    """Set the module's switch, such as the backend of Eventing.

    It changes the field that the module's module.yaml names as its `switch`, in the module's custom resource,
    and waits until that is Ready.
    """
    from kyma_harness.session.progress import Ledger
    from kyma_harness.wait.claims import has_state

    testbed, ledger = await session.running(), Ledger(session.console)
    module, target = testbed.module, _resource(testbed)
    if module.switch is None:
        raise click.UsageError(f"module {module.short_name} names no `switch` in its module.yaml")
    if value not in module.switch.values:
        raise click.UsageError(f"{value!r} is none of {', '.join(module.switch.values)}")
    patch = module.switch.patch(value)
    with ledger.step("switch") as step:
        async with testbed.client() as client, _observing(testbed, client, step) as observer:
            await client.merge_patch(target.kind, target.name, patch, namespace=target.namespace)
            await observer.wait_for(target, has_state("Ready"), what="be Ready", within=SECONDS)
        step.note(f"{target} is Ready with {value}")
    return Switched(
        cluster=testbed.settings.cluster,
        resource=str(target.key),
        field=module.switch.path,
        value=value,
        seconds=round(ledger.total(), 1),
    )


@teaches({"verify": "every check with its mark", "verify --output json": "the checks for a script"})
async def verify(session: Session) -> Verified:
    """Check the module in the cluster, and say what does not hold.

    It looks at the module's resource, the Kyma's status, the manager's log and what the module offers. It
    changes nothing, but sends a message through what the module offers. The exit code is 1 where anything
    does not hold.
    """
    from rich.markup import escape

    from kyma_harness.kyma.verify import verify as check

    testbed = await session.running()
    async with testbed.client() as client:
        checks = await check(testbed, client)
    for one in checks:
        mark = "[green]✓[/green]" if one.ok else "[red]✗[/red]"
        said = one.name if one.ok else f"{one.name}: {one.detail}"
        session.console.print(f"{mark} {escape(said)}", highlight=False, soft_wrap=True)
    return Verified(cluster=testbed.settings.cluster, ok=all(one.ok for one in checks), checks=checks)


def _observing(testbed: Testbed, client: Client, step: Step) -> AbstractAsyncContextManager[Observer]:
    """Look on: waits tell on the step's line how far they are, and end where they are hopeless."""
    from kyma_harness.kyma.relations import kyma_relations
    from kyma_harness.wait.observer import observing

    return observing(client, relations=kyma_relations(testbed.module), line=step)


def _resource(testbed: Testbed) -> Target:
    from kubeloop.resource import Kind
    from kyma_harness.kyma import deploy
    from kyma_harness.kyma.contract import KCP_NAMESPACE
    from kyma_harness.wait.target import Target

    name = deploy.instance_name(testbed.module.short_name)
    return Target(kind=Kind.of(dict(testbed.module.default_cr)), name=name, namespace=KCP_NAMESPACE)


def _check_known(testbed: Testbed, module: str | None) -> None:
    if module and module != testbed.module.short_name:
        raise click.UsageError(f"this cluster was made for module {testbed.module.short_name}, not {module}")
