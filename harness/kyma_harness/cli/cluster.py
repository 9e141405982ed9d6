"""``kyma-harness up``, ``down``, ``status``, ``kubeconfig``, ``logs``: the cluster, and ways into it."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from kyma_harness.cli.commands import teaches
from kyma_harness.cli.output import Down, Format, ModuleState, Status, Up
from kyma_harness.cli.session import option, provider_options
from kyma_harness.clusters.errors import NotRunningError
from kyma_harness.kyma.choices import Choice
from kyma_harness.session.options import DEFAULT_CLUSTER, KYMA, Stage, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyma_harness.cli.session import Session
    from kyma_harness.session.leftovers import Found
    from kyma_harness.session.setup import Testbed


@provider_options
@option(KYMA, default=KYMA.default, show_default=True)
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
    answers=Up,
)
async def up(session: Session, *, kyma: str, until: str, **asked: Any) -> Up:
    """Bring up a cluster with the module in it, and verify it.

    It makes the cluster, packs the module, deploys the lifecycle managers, enables the module and checks it.
    Where the cluster runs already, it does only what is left to do. The cluster outlives this command. Your
    kubeconfig stays as it is.
    """
    from kyma_harness.session.progress import Ledger
    from kyma_harness.session.stages import walk

    session.choose(**answers(asked), kyma=Choice(kyma))
    testbed, ledger = await session.testbed(), Ledger(session.console)
    last = Stage(until)
    with _saying_what_stays(session):
        await walk(testbed, ledger, last=last)
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
    answers=Down,
)
async def down(session: Session) -> Down:
    """Take the cluster away, with everything of it.

    No process, port or file is left. An `up` that is in progress loses its cluster; one that has k3d or kind
    make it is waited for. From an existing cluster everything that was deployed into it is taken away; the
    cluster stays.
    """
    from kyma_harness.session.lifetime import bring_down
    from kyma_harness.session.progress import Ledger

    ledger = Ledger(session.console)
    with ledger.step("stop") as step:
        found = await bring_down(session.settings, ledger.show)
        session.settings.forget_empty_folders()
        step.remark(f"cluster {session.settings.cluster} " + ("is gone" if found else "was not running"))
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


@teaches(
    {
        "status": "what is up, for people",
        "status --output json": "the same for a script",
        "status || kyma-harness up": "bring up what does not run: the exit code is 3 then",
    },
    answers=Status,
)
async def status(session: Session) -> Status:
    """Say what runs: the cluster, the Kyma, its modules.

    It also names the other clusters of this user, and the processes that use them. It changes nothing. The
    exit code is 0 where the cluster runs, and 3 where it does not.
    """
    from kyma_harness.session.leftovers import census

    testbed = await session.attached(whichever_module=True)
    found = await _running(testbed) if testbed else Status(cluster=session.settings.cluster, running=False)
    found = replace(found, clusters=census(session.settings))
    if session.format is Format.TEXT:
        click.echo("\n".join(_lines(found)))
    return found


@teaches({"kubeconfig": "for a shell: export KUBECONFIG=$(kyma-harness kubeconfig)"})
async def kubeconfig(session: Session) -> None:
    """Print the path of the cluster's kubeconfig."""
    click.echo((await session.running(whichever_module=True)).provider.kubeconfig)


@click.option("--follow", "-f", is_flag=True, help="Go on with new lines as they come.")
@teaches({"logs": "what it has logged so far", "logs --follow": "and what comes, until Ctrl-C"})
async def logs(session: Session, *, follow: bool) -> None:
    """Print the log of the module's manager, one JSON object a line."""
    from kyma_harness.host.process import replace_this_process

    testbed = await session.running()
    manager = testbed.module.manager
    words = ["logs", f"--follow={str(follow).lower()}", f"deployment/{manager.deployment}"]
    where = [f"--kubeconfig={testbed.provider.kubeconfig}", f"--namespace={manager.namespace}"]
    replace_this_process([testbed.tools.folder / "kubectl", *words, *where])


async def _running(testbed: Testbed) -> Status:
    from kyma_harness.embedded.cluster import EmbeddedCluster

    settings, provider = testbed.settings, testbed.provider
    owner = EmbeddedCluster.attach(settings.cluster_state)
    state, modules = await _kyma(testbed)
    return Status(
        cluster=settings.cluster,
        running=True,
        provider=provider.name,
        kubeconfig=str(provider.kubeconfig),
        registry=provider.registry.push,
        pid=owner.pid if owner else None,
        managers=str(testbed.managers.pair),
        kyma=state,
        modules=modules,
    )


async def _kyma(testbed: Testbed) -> tuple[str | None, list[ModuleState] | None]:
    """Return the Kyma's state and its modules; nothing where it cannot be asked for, or is not there yet."""
    from kubeloop.errors import ControllerError
    from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA

    try:
        async with testbed.client() as client:
            kyma = await client.get(KYMA, DEFAULT_KYMA, KCP_NAMESPACE)
    except ControllerError:
        return None, None
    seen = kyma.get("status", {})
    states = {one.get("moduleName"): one.get("state", "") for one in seen.get("moduleStatus", [])}
    return seen.get("state", ""), [
        ModuleState(
            name=one["name"],
            channel=one.get("channel", kyma["spec"]["channel"]),
            state=states.get(one["name"], ""),
        )
        for one in kyma["spec"].get("modules", [])
    ]


def _lines(found: Status) -> list[str]:
    others = [f"  beside it   {_line_of(one)}" for one in found.clusters if one.name != found.cluster]
    if not found.running:
        return [str(NotRunningError.of_cluster(found.cluster)), *others]
    modules = [
        f"{one.name}: {one.state or 'no state yet'}, channel {one.channel}" for one in found.modules or ()
    ]
    told = {
        "provider": f"{found.provider}, process {found.pid}" if found.pid else found.provider,
        "kubeconfig": found.kubeconfig,
        "registry": found.registry,
        "managers": f"{found.managers} pair",
        "Kyma": "not there yet" if found.kyma is None else found.kyma or "no state yet",
        "modules": "; ".join(modules) or "none",
    }
    lines = [f"  {name:<11} {value}" for name, value in told.items()]
    return [f"cluster {found.cluster} runs", *lines, *others]


def _line_of(other: Found) -> str:
    from kyma_harness.session.leftovers import Condition

    used = f", used by {', '.join(map(str, other.users))}" if other.users else ""
    left = "; `kyma-harness gc` removes it" if other.condition is Condition.LEFT else ""
    return f"cluster {other.name}: {other.condition}, {other.provider}{used}{left}"
