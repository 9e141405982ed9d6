"""``kyma-harness``: a cluster with Kyma's lifecycle managers and a module in it, on the command line."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from controller.errors import ControllerError
from harness.commands.bundle import bundle
from harness.commands.doctor import doctor
from harness.commands.kustomization import kustomization
from harness.commands.lifecycle import down, status, up
from harness.commands.load_image import load_image
from harness.commands.looking import kubeconfig, logs
from harness.commands.modules import disable, enable, switch, verify
from harness.commands.parity import parity
from harness.commands.session import Session
from harness.commands.steps import deploy, grant_rights, tools
from harness.host.errors import HarnessError
from harness.observe.waits import WaitError
from harness.settings import from_environment

FAILURES = (HarnessError, ControllerError, WaitError)
"""What is told in a sentence; anything else is a defect of ours, and shows its traceback."""
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
PathOption = click.Path(path_type=Path)


def main() -> None:
    """Run the command line; a failure is one sentence on standard error, and exit code 1."""
    try:
        commands(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as refused:
        refused.show()
        sys.exit(refused.exit_code)
    except (click.Abort, KeyboardInterrupt):
        Console(stderr=True).print("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except FAILURES as failure:
        Console(stderr=True).print(f"[red]error:[/red] {_plain(failure)}", highlight=False, soft_wrap=True)
        sys.exit(EXIT_FAILED)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KYMA_HARNESS"})
@click.option("--cluster", help="The cluster's name.  [default: kyma]")
@click.option(
    "--tools", type=PathOption, help="A folder with every tool, instead of fetching or building them."
)
@click.option("--module", type=PathOption, help="The module's module.yaml.  [default: the Eventing module's]")
@click.option("--kyma-dist", type=PathOption, help="A folder with the real lifecycle managers.")
@click.version_option(package_name="eventing-manager")
@click.pass_context
def commands(context: click.Context, /, **chosen: Any) -> None:
    """Bring up a cluster with Kyma's lifecycle managers and a module in it, and work with it.

    `up` does all of it; the other commands are its steps, and what one does with a cluster that is up.
    """
    context.obj = Session(from_environment(**chosen))


def command(run: Callable[..., Awaitable[None]]) -> click.Command:
    """Make a coroutine function a command that gets the session first."""

    @click.pass_obj
    def call(session: Session, /, **options: Any) -> None:
        asyncio.run(run(session, **options))  # type: ignore[arg-type]

    call.__doc__ = run.__doc__
    call.__click_params__ = getattr(run, "__click_params__", [])  # type: ignore[attr-defined]
    return commands.command(run.__name__.replace("_", "-"))(call)


for run in (up, down, status, doctor):
    command(run)
for run in (enable, disable, switch, verify, logs, kubeconfig):
    command(run)
for run in (tools, bundle, deploy, grant_rights, load_image, kustomization, parity):
    command(run)


def _plain(failure: BaseException) -> str:
    return str(failure).replace("[", r"\[")
