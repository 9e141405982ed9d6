"""``kyma-harness example``: a module to try the harness with, and to make one's own of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.commands import teaches
from kyma_harness.host.errors import HarnessError

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session

LAMP = Path(__file__).parents[1] / "examples" / "lamp"


class TargetError(HarnessError):
    """A folder that cannot be written to, or that has something in it already."""


@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("lamp"))
@teaches(
    {"example": "the Lamp, into the folder lamp", "example torch": "into another one"},
    then="in that folder `kyma-harness up` brings it up, and `pytest` runs its test.",
)
async def example(session: Session, folder: Path) -> None:
    """Write the smallest module there is, with a test.

    It prints the folder, which must not be there yet, or be empty. Make a module of your own of it.
    """
    import asyncio

    await asyncio.to_thread(write_example, folder)
    session.console.print("the Lamp: a module with a manager, a chart, rules, and a test", highlight=False)
    click.echo(folder)


def write_example(folder: Path) -> None:
    """Copy the Lamp; raises :class:`TargetError` where anything is in the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise TargetError(f"{folder} is not empty", remedy="name a folder that is not there yet")
        shutil.copytree(LAMP, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder} cannot be written: {error.strerror}") from None
