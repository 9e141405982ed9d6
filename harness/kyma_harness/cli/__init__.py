"""``kyma-harness``: a cluster with Kyma's lifecycle managers and a module in it, on the command line."""

from pathlib import Path
from typing import Any

import click

from kyma_harness.cli.commands import Commands
from kyma_harness.cli.completion import complete_cluster
from kyma_harness.cli.session import Session, option
from kyma_harness.session.options import CLUSTER, KYMA_DIST, MODULE, TOOLS, from_environment

PathOption = click.Path(path_type=Path)


@click.group(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "KYMA_HARNESS",
        "max_content_width": 100,
    },
    epilog="`kyma-harness COMMAND --help` has examples; the options above may stand behind COMMAND as well. "
    "Exit codes: 0 done, 1 failed, 2 wrong command line, "
    "3 not running, 4 not in time, 5 not possible here, 130 interrupted.",
)
@option(CLUSTER, "  [default: kyma]", shell_complete=complete_cluster)
@option(TOOLS, type=PathOption)
@option(MODULE, "  [default: that of this folder]", type=PathOption)
@option(KYMA_DIST, type=PathOption)
@click.version_option(package_name="kyma-harness")
@click.pass_context
def commands(context: click.Context, /, **chosen: Any) -> None:
    """Bring up a cluster with Kyma's lifecycle managers and a module in it, and work with it.

    `up` does all of it; the other commands are its steps, and what one does with a cluster that is up.
    """
    context.obj = Session(from_environment(**chosen))


commands.section(
    "The cluster",
    {
        "cluster:up": "Bring up a cluster with the module in it, and verify it.",
        "cluster:status": "Say what runs: the cluster, the Kyma, its modules.",
        "cluster:down": "Take the cluster away, with everything of it.",
        "doctor:doctor": "Say what can run here, what is at hand, and what leaks.",
        "doctor:gc": "Remove what dead runs have left behind.",
    },
)
commands.section(
    "The module in it",
    {
        "module:enable": "Add the module to the Kyma, and wait until it is Ready.",
        "module:switch": "Set the module's switch, such as the backend of Eventing.",
        "module:disable": "Remove the module from the Kyma, and wait until it is gone.",
        "module:verify": "Check the module in the cluster, and say what does not hold.",
        "cluster:logs": "Print the log of the module's manager, one JSON object a line.",
        "cluster:kubeconfig": "Print the path of the cluster's kubeconfig.",
    },
)
commands.section(
    "Tests",
    {
        "example:example": "Write the smallest module there is, with a test.",
        "init:init": "Write module.yaml, rules and a first test for a repository.",
        "report:report": "Say what failed in the last run of tests, and why.",
    },
)
commands.section(
    "Single steps",
    {
        "steps:tools": "Fetch or build the tools, and print the folder they are in.",
        "module:check": "Judge the module without a cluster, in about a second.",
        "module:bundle": "Pack the module, push it, and write its ModuleTemplate.",
        "steps:deploy": "Deploy the lifecycle managers, the template and the Kyma.",
        "steps:grant_rights": "Let module-manager install modules in its own cluster.",
        "steps:load_image": "Put the image of a tar on the cluster's nodes.",
        "steps:kustomization": "Write the lifecycle managers as a kustomization.",
    },
)
commands.section(
    "This program",
    {"completion:completion": "Print what makes a shell complete commands and names."},
)
