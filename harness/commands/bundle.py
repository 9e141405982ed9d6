"""``kyma-harness bundle``: what ``kyma alpha create module`` does, for a module that has a module.yaml."""

import asyncio
from dataclasses import replace
from pathlib import Path

import click

from harness.commands.lesson import teaches
from harness.commands.session import Session
from harness.kyma.bundle import pack
from harness.kyma.module import Module
from harness.kyma.oci import push
from harness.kyma.resource_check import check_by_schema, check_on_server
from harness.kyma.template import template
from harness.kyma.template_check import check_template
from harness.testbed import Testbed

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
    schema of its CRD.
    """
    module = await asyncio.to_thread(Module.load, session.settings.module, **instead)
    testbed = await session.attached()
    session.console.print(f"default CR checked by {await _check(module, testbed)}", highlight=False)
    if registry or dry_run:
        text = await _bundle(module, registry or K3D_REGISTRY, insecure=insecure, dry_run=dry_run)
    else:
        text = await replace(testbed or await session.running(), module=module).bundle()
    if output:
        await asyncio.to_thread(output.write_text, text, encoding="utf-8")
    elif registry or dry_run:
        click.echo(text, nl=False)


async def _check(module: Module, testbed: Testbed | None) -> str:
    by_schema = await asyncio.to_thread(check_by_schema, module)
    if testbed is None:
        return by_schema
    async with testbed.client() as client:
        return await check_on_server(module, client)


async def _bundle(module: Module, registry: str, *, insecure: bool, dry_run: bool) -> str:
    packed = await asyncio.to_thread(pack, module)
    text = template(packed, registry)
    await asyncio.to_thread(check_template, text)
    if not dry_run:
        await push(packed, registry, insecure=insecure)
    return text
