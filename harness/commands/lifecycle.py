"""``kyma-harness up``, ``down`` and ``status``: the cluster as a whole."""

import json
import shutil
import sys
from dataclasses import fields
from typing import Any

import click

from controller.resource import Kind
from harness import mainjob
from harness.asking import answers
from harness.clusters.embedded import EmbeddedProvider
from harness.commands.doctor import provider_options
from harness.commands.session import Session
from harness.embedded.cluster import EmbeddedCluster
from harness.kyma.distribution import Choice
from harness.ledger import Ledger
from harness.record import Record
from harness.settings import DEFAULT_CLUSTER, from_environment
from harness.testbed import Testbed


@provider_options
@click.option(
    "--kyma", type=click.Choice([str(choice) for choice in Choice]), default="auto", show_default=True
)
@click.option("--until", type=click.Choice([str(stage) for stage in mainjob.Stage]), default="verify")
async def up(session: Session, *, kyma: str, until: str, **asked: Any) -> None:
    """Bring up the cluster, deploy the managers, enable the module, and verify it.

    Takes up a cluster that runs already, and does only what is left to do.
    """
    known = {field.name: getattr(session.settings, field.name) for field in fields(session.settings)}
    session.settings = from_environment(**{**known, **answers(asked), "kyma": Choice(kyma)})
    testbed, ledger = await session.testbed(), Ledger(session.console)
    await mainjob.bring_up(testbed, ledger, mainjob.Stage(until))
    session.console.print(f"[bold]up[/bold] after {ledger.total():.1f} s", highlight=False)
    session.console.print(_what_next(testbed), highlight=False, soft_wrap=True)


async def down(session: Session) -> None:
    """Take the cluster away, with every process, port and file of it.

    From an existing cluster everything that was deployed into it is taken away; the cluster stays.
    """
    with Ledger(session.console).step("stop") as step:
        found = await _take_down(session)
        session.settings.forget_empty_folders()
        step.note(f"cluster {session.settings.cluster} " + ("is gone" if found else "was not running"))


async def status(session: Session) -> None:
    """Say whether the cluster runs, and where its parts are, as JSON on standard output."""
    found: dict[str, Any] = {"cluster": session.settings.cluster, "running": False}
    if testbed := await session.attached():
        provider = testbed.provider
        found |= {"running": True, "provider": provider.name, "kubeconfig": str(provider.kubeconfig)}
        found |= {"registry": provider.registry.push}
    if cluster := EmbeddedCluster.attach(session.settings.cluster_state):
        found |= {"pid": cluster.pid}
    click.echo(json.dumps(found, indent=2))


async def _take_down(session: Session) -> bool:
    known = Record.read(session.settings)
    if known is None or known.provider == EmbeddedProvider.name:
        return await EmbeddedCluster.take_down(session.settings.cluster_state)
    await (await session.testbed()).stop()
    return True


def _what_next(testbed: Testbed) -> str:
    module, cluster = testbed.module, testbed.settings.cluster
    tool = "kyma-harness" if shutil.which("kyma-harness") else sys.argv[0]
    tool = tool if cluster == DEFAULT_CLUSTER else f"{tool} --cluster {cluster}"
    kind = Kind.of(dict(module.default_cr)).kind.lower()
    lines = [
        ("look", f"export KUBECONFIG={testbed.provider.kubeconfig}"),
        ("", f"kubectl get kyma,{kind},manifest,pods -A"),
        ("remove", f"{tool} disable {module.short_name}  (kubectl edit kyma -n kcp-system default-kyma)"),
        ("add", f"{tool} enable {module.short_name}"),
        ("logs", f"{tool} logs --follow"),
        ("stop", f"{tool} down"),
    ]
    if module.switch:
        switch = f"{tool} switch {module.switch.values[-1]}  (kubectl edit {kind} -n kcp-system)"
        lines.insert(2, ("switch", switch))
    return "\n" + "\n".join(f"  {name:<9} {what}" for name, what in lines)
