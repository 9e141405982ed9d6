"""The steps of ``up`` that one may take alone: tools, deploy, grant-rights, load-image, kustomization."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.commands import teaches
from kyma_harness.cli.output import Deployed
from kyma_harness.session.options import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubeloop.resource import Object
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
    answers=Deployed,
)
async def deploy(session: Session) -> Deployed:
    """Deploy the lifecycle managers, the template and the Kyma."""
    from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE
    from kyma_harness.session.progress import Ledger
    from kyma_harness.session.stages import walk

    testbed, ledger = await session.running(), Ledger(session.console)
    await walk(testbed, ledger, first=Stage.MANAGERS, last=Stage.KYMA)
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


@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True))
@teaches({"load-image manager.tar": "an archive as `docker save` writes it"})
async def load_image(session: Session, archive: Path) -> None:
    """Put the image of a tar on the cluster's nodes.

    It is for images that the nodes cannot pull.
    """
    from kyma_harness.session.progress import Ledger

    testbed = await session.running()
    with Ledger(session.console).step("load image") as step:
        names = await testbed.provider.load_image(archive)
        step.remark(f"on every node of {testbed.settings.cluster}: {', '.join(names)}")


@click.option(
    "--output", type=click.Path(path_type=Path), help="The folder.  [default: in the cluster's state]"
)
@teaches(
    {"kustomization": "for the Kyma CLI: kyma alpha deploy -k $(kyma-harness kustomization)"},
    then="`kyma alpha deploy -k` deploys it.",
)
async def kustomization(session: Session, output: Path | None) -> None:
    """Write the lifecycle managers as a kustomization.

    It prints the folder, which is what `kyma alpha deploy -k` takes. Where pods are containers, their images
    are made and pushed before.
    """
    import asyncio

    testbed = await session.running()
    managers = await testbed.deployable_managers()
    folder = (output or testbed.settings.cluster_state / "kustomization").absolute()
    await asyncio.to_thread(write_kustomization, folder, managers.objects)
    click.echo(folder)


def write_kustomization(folder: Path, objects: Sequence[Object]) -> None:
    """Write objects so that ``kustomize build`` gives them back."""
    from kubeloop import goyaml

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "managers.yaml").write_text(goyaml.dump_all(objects), encoding="utf-8")
    (folder / "kustomization.yaml").write_text("resources: [managers.yaml]\n", encoding="utf-8")
