"""``kyma-harness completion``, and what a shell offers: the names of what runs here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from kyma_harness.cli.commands import teaches
from kyma_harness.host.errors import HarnessError
from kyma_harness.session.options import RECORD, default_module, from_environment

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session

PROGRAM = "kyma-harness"
VARIABLE = "_KYMA_HARNESS_COMPLETE"
"""By which a shell asks for completions: click derives it from the program's name."""
SHELLS = ("bash", "zsh", "fish")


@click.argument("shell", type=click.Choice(SHELLS))
@teaches(
    {
        "completion bash >> ~/.bashrc": "bash 4.4 or newer",
        "completion zsh >> ~/.zshrc": "zsh, below its `compinit`",
        "completion fish > ~/.config/fish/completions/kyma-harness.fish": "fish",
    },
    then="a new shell completes commands, options, clusters, the module and what it can be switched to.",
)
async def completion(session: Session, shell: str) -> None:  # noqa: ARG001
    """Print what makes a shell complete commands and names."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(made(click.Command(PROGRAM), {}, PROGRAM, VARIABLE).source())


def complete_cluster(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the names of the clusters that have a folder here."""
    folders = (from_environment().state / "clusters").glob(f"{incomplete}*")
    return sorted(folder.name for folder in folders if folder.is_dir())


def complete_module(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the name of the module that the cluster was made for."""
    name = str(_module(ctx).get("name", "")).rpartition("/")[2]
    return [name] if name and name.startswith(incomplete) else []


def complete_switch(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return what that module can be switched to."""
    values = (_module(ctx).get("switch") or {}).get("values") or ()
    return [value for value in values if value.startswith(incomplete)]


def _module(ctx: click.Context) -> dict[str, Any]:
    """Return what module.yaml says, as it is: a shell wants an answer at once, and no judgement."""
    import yaml

    try:
        of_all = ctx.find_root().params
        settings = from_environment(**{name: ctx.params.get(name) or of_all[name] for name in of_all})
        file = settings.module
        if file == default_module(Path.cwd()):
            file = Path(_recorded(settings.cluster_state / RECORD).get("module", file))
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (HarnessError, OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _recorded(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
