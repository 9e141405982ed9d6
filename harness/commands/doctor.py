"""``kyma-harness doctor``: what can run on this machine, and what the rest lacks."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import click
from rich.markup import escape

from harness.asking import QUESTIONS, answers
from harness.clusters.choice import AUTO, choose, probe_all
from harness.commands.lesson import teaches
from harness.commands.outcomes import Doctored
from harness.commands.output import Format
from harness.commands.session import Session

F = TypeVar("F", bound=Callable[..., Any])


def provider_options(run: F) -> F:
    """Add the options that say who provides the cluster, and how."""
    for question in reversed(QUESTIONS):
        kind = click.Choice(question.choices) if question.choices else None
        run = click.option(
            f"--{question.option}",
            question.name,
            type=kind,
            help=f"{question.help[:1].upper()}{question.help[1:]}.",
        )(run)
    return run


@provider_options
@click.option("--containers", is_flag=True, help="Print the usable providers whose pods are containers.")
@teaches(
    {
        "doctor": "every provider, and what it lacks",
        "doctor --output json": "the same for a script; what can run has an empty `missing`",
        "doctor --kubeconfig staging.yaml --context staging": "whether an existing cluster would do",
    },
    then="`up --provider` takes one of those that can run.",
)
async def doctor(session: Session, *, containers: bool, **asked: Any) -> Doctored:
    """Say which providers can run here, and what others lack."""
    chosen = answers(asked)
    with TemporaryDirectory() as scratch:
        probes = await probe_all(chosen["options"], Path(scratch))
        auto = await choose(AUTO, Path(scratch))
    for probe in probes:
        mark = "[green]✓[/green]" if probe.usable else "[red]✗[/red]"
        said = escape(probe.note or probe.missing)
        session.console.print(f"{mark} {probe.provider:<9} {said}", highlight=False, soft_wrap=True)
    if containers and session.format is Format.TEXT:
        usable = [probe.provider for probe in probes if probe.usable and probe.provider != "embedded"]
        click.echo(" ".join(usable))
    else:
        session.console.print(
            f"auto is {auto.provider}: {escape(auto.reason)}", highlight=False, soft_wrap=True
        )
    return Doctored(auto=auto.provider, reason=auto.reason, providers=probes)
