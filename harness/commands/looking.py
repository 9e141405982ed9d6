"""``kyma-harness kubeconfig`` and ``logs``: ways into a cluster that is up."""

import click

from harness.commands.session import Session
from harness.host.process import replace_this_process


async def kubeconfig(session: Session) -> None:
    """Print the path of the cluster's kubeconfig, for `export KUBECONFIG=$(kyma-harness kubeconfig)`."""
    click.echo((await session.running()).provider.kubeconfig)


@click.option("--follow", "-f", is_flag=True, help="Go on with new lines as they come.")
async def logs(session: Session, *, follow: bool) -> None:
    """Print the log of the module's manager."""
    testbed = await session.running()
    manager = testbed.module.manager
    words = ["logs", f"--follow={str(follow).lower()}", f"deployment/{manager.deployment}"]
    where = [f"--kubeconfig={testbed.provider.kubeconfig}", f"--namespace={manager.namespace}"]
    replace_this_process([testbed.tools.folder / "kubectl", *words, *where])
