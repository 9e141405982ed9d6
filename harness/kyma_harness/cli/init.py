"""``kyma-harness init``: a module.yaml for a repository that has none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.commands import teaches

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session


@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option(
    "--chart",
    type=click.Path(path_type=Path),
    help="A chart's or a kustomization's folder, or a file of YAML.  [default: the one that is found]",
)
@teaches(
    {
        "init": "in a repository of kubebuilder's, or with a chart",
        "init --chart deploy/all.yaml": "another source",
    },
    then="look through the files, build the manager, and `kyma-harness up`.",
)
async def init(session: Session, folder: Path, *, chart: Path | None) -> None:
    """Write module.yaml, rules and a first test for a repository.

    It looks at PROJECT, config/, charts and go.mod, and says in a comment where it guessed. Files that are
    there stay.
    """
    import asyncio

    from kyma_harness.scaffold.files import texts, write
    from kyma_harness.scaffold.guess import guess
    from kyma_harness.scaffold.repository import look, rendered

    found = await asyncio.to_thread(look, folder, chart)
    tools = await session.tools(only={"helm", "kubectl"})
    guessed = guess(found, await rendered(found, tools.folder))
    written = texts(found, guessed)
    await asyncio.to_thread(write, found, written)
    for warning in guessed.warnings:
        session.console.print(f"[yellow]![/yellow] {warning}", highlight=False, soft_wrap=True)
    for path in written:
        click.echo(found.folder / path)
