"""``kyma-harness up`` and ``down``: the cluster as a whole."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from kyma_harness.cli.examples import teaches
from kyma_harness.cli.options import provider_options
from kyma_harness.cli.outcomes import Down, Up
from kyma_harness.host.choices import Choice, Stage
from kyma_harness.session.options import answers
from kyma_harness.session.settings import DEFAULT_CLUSTER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyma_harness.cli.session import Session
    from kyma_harness.session.setup import Testbed


@provider_options
@click.option(
    "--kyma",
    type=click.Choice([str(choice) for choice in Choice]),
    default="auto",
    show_default=True,
    help="The pair of lifecycle managers; auto: the real one where it is at hand, else the built-in one.",
)
@click.option(
    "--until",
    type=click.Choice([str(stage) for stage in Stage]),
    default="verify",
    show_default=True,
    help="The last step to take; each includes those before it.",
)
@teaches(
    {
        "up": "from nothing to a verified module, without Docker and without root",
        "--cluster two up --kyma builtin": "a second cluster beside it, with the built-in lifecycle managers",
        "up --provider k3d --until managers": "on k3d, up to the lifecycle managers",
        "--module ../lamp/module.yaml up": "with a module of your own",
    },
    then="`status` says where everything is, `switch`, `disable` and `enable` work with the module, `down` "
    "takes all of it away.",
)
async def up(session: Session, *, kyma: str, until: str, **asked: Any) -> Up:
    """Bring up a cluster with the module in it, and verify it.

    It makes the cluster, packs the module, deploys the lifecycle managers, enables the module and checks it.
    Where the cluster runs already, it does only what is left to do. The cluster outlives this command. Your
    kubeconfig stays as it is.
    """
    from kyma_harness.session import stages
    from kyma_harness.session.progress import Ledger

    session.choose(**answers(asked), kyma=Choice(kyma))
    testbed, ledger = await session.testbed(), Ledger(session.console)
    last = Stage(until)
    with _saying_what_stays(session):
        await stages.take(testbed, ledger, last=last)
    reached = Stage.between(Stage.CLUSTER, last)
    session.console.print(f"[bold]up[/bold] after {ledger.total():.1f} s", highlight=False)
    advice = _what_next(testbed, is_enabled=Stage.ENABLE in reached)
    session.console.print(advice, highlight=False, soft_wrap=True)
    return Up(
        cluster=testbed.settings.cluster,
        provider=testbed.provider.name,
        kubeconfig=str(testbed.provider.kubeconfig),
        registry=testbed.provider.registry.push,
        managers=str(testbed.managers.pair),
        module=testbed.module.short_name,
        seconds=round(ledger.total(), 1),
    )


@teaches(
    {"down": "take the default cluster away", "--cluster two down": "take the cluster named two away"},
    then="`up` starts anew, from nothing.",
)
async def down(session: Session) -> Down:
    """Take the cluster away, with everything of it.

    No process, port or file is left. An `up` that is in progress loses its cluster; one that has k3d or kind
    make it is waited for. From an existing cluster everything that was deployed into it is taken away; the
    cluster stays.
    """
    from kyma_harness.session.lifetime import bring_down
    from kyma_harness.session.progress import Ledger

    with Ledger(session.console).step("stop") as step:
        found = await bring_down(session.settings, step.show)
        session.settings.forget_empty_folders()
        step.note(f"cluster {session.settings.cluster} " + ("is gone" if found else "was not running"))
    return Down(cluster=session.settings.cluster, was_running=found)


@contextmanager
def _saying_what_stays(session: Session) -> Iterator[None]:
    """Tell of a cluster that runs although not every step went well: it is there to be looked at."""
    from kyma_harness.session.record import Record

    try:
        yield
    except BaseException:
        name = session.settings.cluster
        if Record.read(session.settings):
            tool = f"kyma-harness --cluster {name}"
            words = f"cluster {name} stays as it is: look with `{tool} status`, or end it with `{tool} down`"
            session.console.print(words, highlight=False, soft_wrap=True)
        raise


def _what_next(testbed: Testbed, *, is_enabled: bool) -> str:
    from kubeloop.resource import Kind

    module, cluster = testbed.module, testbed.settings.cluster
    tool = "kyma-harness" if shutil.which("kyma-harness") else sys.argv[0]
    tool = tool if cluster == DEFAULT_CLUSTER else f"{tool} --cluster {cluster}"
    kind = Kind.of(dict(module.default_cr)).kind.lower()
    lines = [
        ("look", f"export KUBECONFIG={testbed.provider.kubeconfig}"),
        ("", f"kubectl get kyma,{kind},manifest,pods -A" if is_enabled else "kubectl get pods -A"),
        ("", f"{tool} status"),
    ]
    if is_enabled and module.switch:
        switch = f"{tool} switch {module.switch.values[-1]}  (kubectl edit {kind} -n kcp-system)"
        lines.append(("switch", switch))
    if is_enabled:
        remove = f"{tool} disable {module.short_name}  (kubectl edit kyma -n kcp-system default-kyma)"
        add = f"{tool} enable {module.short_name}"
        lines += [("remove", remove), ("add", add), ("logs", f"{tool} logs --follow")]
    else:
        lines.append(("go on", f"{tool} up"))
    lines.append(("stop", f"{tool} down"))
    return "\n" + "\n".join(f"  {name:<9} {what}" for name, what in lines)
