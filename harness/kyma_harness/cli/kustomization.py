"""``kyma-harness kustomization``: the lifecycle managers in the form that ``kyma alpha deploy -k`` takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.examples import teaches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubeloop.resource import Object
    from kyma_harness.cli.session import Session


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
