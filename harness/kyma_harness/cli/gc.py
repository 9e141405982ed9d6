"""``kyma-harness gc``: remove what dead runs have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kyma_harness.cli.examples import teaches
from kyma_harness.cli.outcomes import Collected, Leaked
from kyma_harness.host.errors import HarnessError

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session
    from kyma_harness.session.leftovers.leftover import Leak


@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@teaches(
    {"gc --dry-run": "what nobody owns any more", "gc": "remove it"},
    then="`doctor` shows the same, and what can run here.",
)
async def gc(session: Session, *, dry_run: bool) -> Collected:
    """Remove what dead runs have left behind.

    That is what `doctor` shows: clusters, processes, containers and lock files that nobody owns. Nothing of a
    run that lives is touched, be it a test's, one that is kept, or that of `up`. The exit code is 1 where
    anything could not be removed.
    """
    from rich.markup import escape

    from kyma_harness.session.leftovers.search import find_leaks

    removed, kept = list[Leaked](), list[Leaked]()
    for leak in await find_leaks(session.settings):
        problem = "" if dry_run else await _remove(leak)
        told = Leaked(kind=leak.kind, what=leak.what, problem=problem or None)
        (kept if problem else removed).append(told)
        said = f"kept, as {problem}" if problem else "would go" if dry_run else "gone"
        session.console.print(f"{escape(leak.what)}: {escape(said)}", highlight=False, soft_wrap=True)
    if not removed and not kept:
        session.console.print("there is nothing that nobody owns", highlight=False)
    session.settings.forget_empty_folders()
    return Collected(dry_run=dry_run, removed=removed, kept=kept)


async def _remove(leak: Leak) -> str:
    """Remove one; returns why it was not removed, if it was not."""
    from kubeloop.errors import ControllerError

    try:
        return "" if await leak.remove() else "somebody owns it by now"
    except (HarnessError, ControllerError, OSError) as error:
        return str(error)
