"""``kyma-harness enable``, ``disable``, ``switch``, ``verify``, ``bundle``, ``check``: the module."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.commands import teaches
from kyma_harness.cli.completion import complete_module, complete_switch
from kyma_harness.cli.output import Disabled, Enabled, Switched, Verified
from kyma_harness.kyma.choices import CHANNEL

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from kubeloop.client import Client
    from kyma_harness.cli.session import Session
    from kyma_harness.kyma.helm import Helm
    from kyma_harness.kyma.module import Module
    from kyma_harness.session.progress import Ledger
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
    answers=Enabled,
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
            await stages.enable(testbed, client, ledger, channel)
        step.remark(f"{testbed.module.short_name} is Ready, and the Kyma with it")
    return Enabled(
        cluster=testbed.settings.cluster,
        module=testbed.module.short_name,
        channel=channel,
        resource=str(_resource(testbed).key),
        seconds=round(ledger.total(), 1),
    )


@module_argument
@teaches(
    {"disable": "the module that the cluster was made for"}, then="`enable` adds it again.", answers=Disabled
)
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
        async with testbed.client() as client, _observing(testbed, client, ledger) as observer:
            await deploy.disable_module(client, name, quirks=testbed.managers.quirks)
            kinds = kinds_of(testbed.module)
            staying = await deploy.wait_until_removed(client, name, kinds=kinds, observer=observer)
        step.remark(f"{name} is gone, and the Kyma is Ready without it")
    if staying:
        ledger.detail(f"still there, as nobody deletes it: {', '.join(staying)}")
    return Disabled(cluster=testbed.settings.cluster, module=name, seconds=round(ledger.total(), 1))


@click.argument("value", shell_complete=complete_switch)
@teaches(
    {"switch eventmesh": "Eventing: take NATS away", "switch nats": "Eventing: bring NATS back"},
    then="`verify` checks the module, `logs --follow` shows what its manager does.",
    answers=Switched,
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
        async with testbed.client() as client, _observing(testbed, client, ledger) as observer:
            await client.merge_patch(target.kind, target.name, patch, namespace=target.namespace)
            await observer.wait_for(target, has_state("Ready"), what="be Ready", within=SECONDS)
        step.remark(f"{target} is Ready with {value}")
    return Switched(
        cluster=testbed.settings.cluster,
        resource=str(target.key),
        field=module.switch.path,
        value=value,
        seconds=round(ledger.total(), 1),
    )


@teaches(
    {"verify": "every check with its mark", "verify --output json": "the checks for a script"},
    answers=Verified,
)
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


def _observing(testbed: Testbed, client: Client, ledger: Ledger) -> AbstractAsyncContextManager[Observer]:
    """Look on: waits tell on the ledger's last line how far they are, and end where they are hopeless."""
    from kyma_harness.kyma.relations import kyma_relations
    from kyma_harness.wait.observer import observing

    return observing(client, relations=kyma_relations(testbed.module), line=ledger)


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


K3D_REGISTRY = "k3d-kyma-registry.localhost:5000/unsigned"
"""The registry that the checked-in module-template.yaml speaks of."""


@click.option(
    "--registry", help=f"Where to push: host:port/prefix.  [default: the cluster's; {K3D_REGISTRY} if dry]"
)
@click.option("--version", help="Instead of the version in module.yaml.")
@click.option("--channel", help="Instead of the channel in module.yaml.")
@click.option("--name", help="Instead of the component's name in module.yaml.")
@click.option(
    "--insecure", is_flag=True, help="Speak plain http, or https that nobody vouches for, with any registry."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write the ModuleTemplate.  [default: standard output]",
)
@click.option("--dry-run", is_flag=True, help="Check, pack and write the template, but push nothing.")
@teaches(
    {
        "bundle": "for the running cluster",
        "bundle --dry-run --output module-template.yaml": "without a cluster: only the template",
        "bundle --registry registry.example.com/modules --version 1.2.3": "for a release",
    },
    then="`kubectl apply` the template where the lifecycle managers run, and list the module in a Kyma.",
)
async def bundle(
    session: Session,
    *,
    registry: str | None,
    insecure: bool,
    output: Path | None,
    dry_run: bool,
    **instead: str | None,
) -> None:
    """Pack the module, push it, and write its ModuleTemplate.

    It is checked before, and goes to the registry as an OCI artifact. Credentials for the registry are those
    that `docker login` has left. The default CR is judged by the API server where a cluster runs, else by the
    schema of its CRD; the chart is rendered, and what the lifecycle managers could not do with it is refused.
    """
    import asyncio

    from kyma_harness.oci.release import release

    module = await _charted(session, **instead)
    testbed = await session.attached()
    if registry or dry_run:
        async with testbed.client() if testbed else nullcontext() as client:
            released = await release(
                module,
                registry or K3D_REGISTRY,
                client=client,
                insecure=insecure,
                dry_run=dry_run,
                helm=await _helm(session),
            )
    else:
        released = await replace(testbed or await session.running(), module=module).bundle()
    for note in released.notes:
        session.console.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    session.console.print(f"default CR checked by {released.judge}", highlight=False)
    if output:
        await asyncio.to_thread(output.write_text, released.template, encoding="utf-8")
    elif registry or dry_run:
        click.echo(released.template, nl=False)


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
    from kyma_harness.oci.check import check_thoroughly

    module = await _charted(session)
    problems = await check_thoroughly(module, await _helm(session))
    for problem in problems:
        click.echo(f"{'✗' if problem.is_fatal else '-'} {problem.says}")
    fatal = sum(problem.is_fatal for problem in problems)
    if fatal:
        raise click.ClickException(f"module {module.short_name}: {fatal} of these have to be mended")
    session.console.print(f"module {module.short_name} has no problem that is known", highlight=False)


async def _charted(session: Session, **instead: str | None) -> Module:
    """Read the module, and make a chart of what it installs where that is none."""
    import asyncio

    from kyma_harness.kyma.charting import charted, is_chart
    from kyma_harness.kyma.module import Module

    module = await asyncio.to_thread(Module.load, session.settings.module, **instead)
    if is_chart(module.chart):
        return module
    tools = await session.tools(only={"kubectl"})
    return await charted(module, kubectl=tools.folder / "kubectl", cache=session.settings.cache)


async def _helm(session: Session) -> Helm | None:
    """Return the helm that is at hand: to look at a chart, none is fetched or built."""
    from kyma_harness.kyma.helm import Helm
    from kyma_harness.toolchain.tools import at_hand

    tools = await at_hand(explicit=session.settings.tools, cache=session.settings.cache)
    return Helm(tools.found["helm"]) if "helm" in tools.found else None
