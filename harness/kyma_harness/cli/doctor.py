"""``kyma-harness doctor`` and ``gc``: what can run on this machine, and what dead runs have left."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kyma_harness.cli.commands import teaches
from kyma_harness.cli.output import Collected, Doctored, Format, Leaked
from kyma_harness.cli.session import probe_options
from kyma_harness.host.errors import HarnessError
from kyma_harness.session.options import answers

if TYPE_CHECKING:
    from rich.console import Console

    from kyma_harness.cli.session import Session
    from kyma_harness.clusters.choice import Probe
    from kyma_harness.session.leftovers import Leak

INDENT = 12
"""Where the sentences begin, behind a mark and a provider's name."""


@probe_options
@click.option("--containers", is_flag=True, help="Print the usable providers whose pods are containers.")
@teaches(
    {
        "doctor": "every provider, and what it lacks",
        "doctor --output json": "the same for a script; what can run has an empty `missing`",
        "doctor --kubeconfig staging.yaml --context staging": "whether an existing cluster would do",
    },
    then="`up --provider` takes one of those that can run.",
    answers=Doctored,
)
async def doctor(session: Session, *, containers: bool, **asked: Any) -> Doctored:
    """Say what can run here, what is at hand, and what leaks.

    It tells what each provider lacks, which tools would have to be fetched or built, and what dead runs have
    left behind, which `gc` removes.
    """
    from tempfile import TemporaryDirectory

    from kyma_harness.clusters.choice import auto, probe_all
    from kyma_harness.session.leftovers import find_leaks
    from kyma_harness.toolchain.tools import at_hand

    options, settings = answers(asked)["options"], session.settings
    tools = await at_hand(explicit=settings.tools, cache=settings.cache)
    with TemporaryDirectory() as scratch:
        probes = await probe_all(options, Path(scratch), tools)
    chosen = auto(next(probe for probe in probes if probe.provider == "k3d"))
    for probe in probes:
        _print(session.console, probe)
    if containers and session.format is Format.TEXT:
        usable = [probe.provider for probe in probes if probe.usable and probe.provider != "embedded"]
        click.echo(" ".join(usable))
    else:
        what = f"Without --provider it is [bold]{chosen.provider}[/bold]"
        why = "" if chosen.provider == "k3d" else ", as k3d cannot run here"
        session.console.print(f"{what}{why}.", highlight=False)
    leaks = [Leaked(kind=leak.kind, what=leak.what) for leak in await find_leaks(settings)]
    for line in _leaks(leaks):
        session.console.print(line, highlight=False, soft_wrap=True)
    return Doctored(
        auto=chosen.provider,
        reason=chosen.reason,
        providers=probes,
        missing_tools=tools.missing,
        leaks=leaks,
    )


def _print(console: Console, probe: Probe) -> None:
    """Print a provider with all it lacks, a paragraph each, beside its name."""
    from rich.markup import escape

    label = f"{'[green]✓[/green]' if probe.usable else '[red]✗[/red]'} {probe.provider:<9} "
    for said in probe.missing or [probe.note]:
        bullet = "- " if len(probe.missing) > 1 else ""
        console.print(label + escape(_hanging(bullet + said, console)), highlight=False, soft_wrap=True)
        label = " " * INDENT


def _hanging(text: str, console: Console) -> str:
    """Break a sentence for a terminal, with its further lines below its first."""
    if not console.is_terminal:
        return text
    room = max(console.width - INDENT, 40)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * INDENT}".join(lines)


def _leaks(leaks: list[Leaked]) -> list[str]:
    from rich.markup import escape

    if not leaks:
        return ["nothing is left of dead runs"]
    lines = [f"  [red]✗[/red] {escape(leak.what)}" for leak in leaks]
    return ["left by dead runs, and owned by nobody (`kyma-harness gc` removes it):", *lines]


@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@teaches(
    {"gc --dry-run": "what nobody owns any more", "gc": "remove it"},
    then="`doctor` shows the same, and what can run here.",
    answers=Collected,
)
async def gc(session: Session, *, dry_run: bool) -> Collected:
    """Remove what dead runs have left behind.

    That is what `doctor` shows: clusters, processes, containers and lock files that nobody owns. Nothing of a
    run that lives is touched, be it a test's, one that is kept, or that of `up`. The exit code is 1 where
    anything could not be removed.
    """
    from rich.markup import escape

    from kyma_harness.session.leftovers import find_leaks

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
