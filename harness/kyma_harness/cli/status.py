"""``kyma-harness status``, ``kubeconfig`` and ``logs``: what is up, and ways into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from kyma_harness.cli.examples import teaches
from kyma_harness.cli.outcomes import ModuleState, Status
from kyma_harness.cli.output import Format
from kyma_harness.clusters.errors import NotRunningError

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session
    from kyma_harness.session.leftovers.census import Found
    from kyma_harness.session.setup import Testbed


@teaches(
    {
        "status": "what is up, for people",
        "status --output json": "the same for a script",
        "status || kyma-harness up": "bring up what does not run: the exit code is 3 then",
    }
)
async def status(session: Session) -> Status:
    """Say what runs: the cluster, the Kyma, its modules.

    It also names the other clusters of this user, and the processes that use them. It changes nothing. The
    exit code is 0 where the cluster runs, and 3 where it does not.
    """
    from kyma_harness.session.leftovers.census import census

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
    from kyma_harness.session.leftovers.census import Condition

    used = f", used by {', '.join(map(str, other.users))}" if other.users else ""
    left = "; `kyma-harness gc` removes it" if other.condition is Condition.LEFT else ""
    return f"cluster {other.name}: {other.condition}, {other.provider}{used}{left}"
