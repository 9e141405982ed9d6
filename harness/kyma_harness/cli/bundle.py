"""``kyma-harness bundle``: what ``kyma alpha create module`` does, for a module that has a module.yaml."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.examples import teaches

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session

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

    from kyma_harness.kyma.helm import Helm
    from kyma_harness.kyma.module import Module
    from kyma_harness.oci.release import release
    from kyma_harness.toolchain.tools import at_hand

    module = await asyncio.to_thread(Module.load, session.settings.module, **instead)
    testbed = await session.attached()
    if registry or dry_run:
        tools = await at_hand(explicit=session.settings.tools, cache=session.settings.cache)
        async with testbed.client() if testbed else nullcontext() as client:
            released = await release(
                module,
                registry or K3D_REGISTRY,
                client=client,
                insecure=insecure,
                dry_run=dry_run,
                helm=Helm(tools.found["helm"]) if "helm" in tools.found else None,
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
