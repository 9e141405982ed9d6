"""``kyma-harness``: a cluster with Kyma's lifecycle managers and a module in it, on the command line."""

from pathlib import Path
from typing import Any

import click

from kyma_harness.commands.bundle import bundle
from kyma_harness.commands.completion import complete_cluster, completion
from kyma_harness.commands.doctor import doctor
from kyma_harness.commands.example import example
from kyma_harness.commands.gc import gc
from kyma_harness.commands.grammar import Commands
from kyma_harness.commands.kustomization import kustomization
from kyma_harness.commands.lifecycle import down, up
from kyma_harness.commands.load_image import load_image
from kyma_harness.commands.looking import kubeconfig, logs, status
from kyma_harness.commands.modules import disable, enable, switch, verify
from kyma_harness.commands.report import report
from kyma_harness.commands.session import Session
from kyma_harness.commands.steps import deploy, grant_rights, tools
from kyma_harness.settings import from_environment

PathOption = click.Path(path_type=Path)


@click.group(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "KYMA_HARNESS",
        "max_content_width": 100,
    },
    epilog="`kyma-harness COMMAND --help` has examples. Exit codes: 0 done, 1 failed, 2 wrong command line, "
    "3 not running, 4 not in time, 5 not possible here, 130 interrupted.",
)
@click.option(
    "--cluster",
    help="The cluster's name: lower-case letters, digits, dashes.  [default: kyma]",
    shell_complete=complete_cluster,
)
@click.option(
    "--tools", type=PathOption, help="A folder with every tool, instead of fetching or building them."
)
@click.option("--module", type=PathOption, help="The module's module.yaml.  [default: that of this folder]")
@click.option("--kyma-dist", type=PathOption, help="A folder with the real lifecycle managers.")
@click.version_option(package_name="kyma-harness")
@click.pass_context
def commands(context: click.Context, /, **chosen: Any) -> None:
    """Bring up a cluster with Kyma's lifecycle managers and a module in it, and work with it.

    `up` does all of it; the other commands are its steps, and what one does with a cluster that is up.
    """
    context.obj = Session(from_environment(**chosen))


commands.section("The cluster", up, status, down, doctor, gc)
commands.section("The module in it", enable, switch, disable, verify, logs, kubeconfig)
commands.section("Tests", example, report)
commands.section("Single steps", tools, bundle, deploy, grant_rights, load_image, kustomization)
commands.section("This program", completion)


def main() -> None:
    """Run the command line."""
    commands(prog_name="kyma-harness")
