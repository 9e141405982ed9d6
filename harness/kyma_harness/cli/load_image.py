"""``kyma-harness load-image``: an image for the nodes that they cannot pull."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.examples import teaches

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session


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
        step.note(f"on every node of {testbed.settings.cluster}: {', '.join(names)}")
