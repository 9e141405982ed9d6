"""``kyma-harness``: a cluster with Kyma's lifecycle managers and a module in it, on the command line."""

import asyncio
import json
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from controller.errors import ControllerError
from controller.resource import Kind
from harness import mainjob
from harness.asking import answers
from harness.clusters.embedded import EmbeddedProvider
from harness.clusters.errors import NotRunningError
from harness.commands.bundle import bundle
from harness.commands.doctor import doctor, provider_options
from harness.commands.kustomization import kustomization
from harness.commands.load_image import load_image
from harness.commands.parity import parity
from harness.embedded.cluster import EmbeddedCluster
from harness.embedded.toolchain import ToolPaths
from harness.embedded.tools import ensure
from harness.host.errors import HarnessError
from harness.host.process import replace_this_process
from harness.kyma import deploy
from harness.kyma.distribution import Choice
from harness.kyma.kinds import KCP_NAMESPACE
from harness.ledger import Ledger
from harness.observe.claims import has_state
from harness.observe.waits import Target, WaitError, wait_for
from harness.record import Record
from harness.settings import DEFAULT_CLUSTER, Settings, from_environment
from harness.testbed import Testbed, set_up

FAILURES = (HarnessError, ControllerError, WaitError)
"""What is told in a sentence; anything else is a defect of ours, and shows its traceback."""
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
PathOption = click.Path(path_type=Path)


class Session:
    """What every command works with: the settings, and a console for people."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.console = Console(stderr=True)

    async def tools(self) -> ToolPaths:
        """Return the tools, fetched or built where they are not at hand."""
        return await ensure(explicit=self.settings.tools, cache=self.settings.cache)

    async def testbed(self) -> Testbed:
        """Decide on everything, without starting anything."""
        return await set_up(self.settings, self.console)

    async def attached(self) -> Testbed | None:
        """Return the testbed of the running cluster; nothing where there is none."""
        if Record.read(self.settings) is None:
            return None
        testbed = await self.testbed()
        return testbed if await testbed.provider.attach() else None

    async def running(self) -> Testbed:
        """Return the testbed of the running cluster; an error where there is none."""
        testbed = await self.attached()
        if testbed is None:
            raise NotRunningError.of_cluster(self.settings.cluster)
        return testbed


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
    name = run.__name__.replace("_", "-").rstrip("-")
    return commands.command(name)(call)


command(bundle)
command(doctor)
command(kustomization)
command(load_image)
command(parity)


@command
@provider_options
@click.option(
    "--kyma", type=click.Choice([str(choice) for choice in Choice]), default="auto", show_default=True
)
@click.option("--until", type=click.Choice([str(stage) for stage in mainjob.Stage]), default="verify")
async def up(session: Session, *, kyma: str, until: str, **asked: Any) -> None:
    """Bring up the cluster, deploy the managers, enable the module, and verify it.

    Takes up a cluster that runs already, and does only what is left to do.
    """
    chosen = {**answers(asked), "kyma": Choice(kyma)}
    session.settings = from_environment(**{**_fields(session.settings), **chosen})
    testbed, ledger = await session.testbed(), Ledger(session.console)
    await mainjob.bring_up(testbed, ledger, mainjob.Stage(until))
    session.console.print(f"[bold]up[/bold] after {ledger.total():.1f} s", highlight=False)
    session.console.print(_what_next(testbed), highlight=False, soft_wrap=True)


@command
async def down(session: Session) -> None:
    """Take the cluster away, with every process, port and file of it.

    From an existing cluster everything that was deployed into it is taken away; the cluster stays.
    """
    with Ledger(session.console).step("stop") as step:
        found = await _take_down(session)
        session.settings.forget_empty_folders()
        step.note(f"cluster {session.settings.cluster} " + ("is gone" if found else "was not running"))


async def _take_down(session: Session) -> bool:
    known = Record.read(session.settings)
    if known is None or known.provider == EmbeddedProvider.name:
        return await EmbeddedCluster.take_down(session.settings.cluster_state)
    await (await session.testbed()).stop()
    return True


@command
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


@command
async def kubeconfig(session: Session) -> None:
    """Print the path of the cluster's kubeconfig, for `export KUBECONFIG=$(kyma-harness kubeconfig)`."""
    click.echo((await session.running()).provider.kubeconfig)


@command
@click.option("--also", multiple=True, help="An optional tool, such as kustomize, which the Kyma CLI needs.")
async def tools(session: Session, also: tuple[str, ...]) -> None:
    """Fetch or build the tools, and print the folder they are in."""
    settings = session.settings
    found = await ensure(explicit=settings.tools, cache=settings.cache, also=also, console=session.console)
    click.echo(found.folder)


@command
async def deploy_(session: Session) -> None:
    """Deploy the lifecycle managers, the module's template and the Kyma resource."""
    testbed, ledger = await session.running(), Ledger(session.console)
    async with testbed.client() as client:
        with ledger.step("lifecycle managers") as step:
            await testbed.deploy_managers(client)
            step.note(f"{testbed.managers.pair} pair, {testbed.managers.reason}")
        with ledger.step("kyma"):
            await testbed.deploy_kyma(client)


@command
async def grant_rights(session: Session) -> None:
    """Let module-manager install modules in its own cluster; its role as shipped does not."""
    async with (await session.running()).client() as client:
        await deploy.grant_rights(client)


@command
@click.argument("module", required=False)
@click.option("--channel", default=mainjob.CHANNEL, show_default=True)
async def enable(session: Session, module: str | None, channel: str) -> None:
    """Add a module to the Kyma resource, and wait until it is Ready."""
    testbed = await session.running()
    with Ledger(session.console).step("enable") as step:
        async with testbed.client() as client:
            _check_known(testbed, module)
            await mainjob.enable(testbed, client, step, channel)


@command
@click.argument("module", required=False)
async def disable(session: Session, module: str | None) -> None:
    """Remove a module from the Kyma resource, and wait until nothing of it is left."""
    testbed = await session.running()
    with Ledger(session.console).step("disable"):
        async with testbed.client() as client:
            _check_known(testbed, module)
            await deploy.disable_module(client, testbed.module.short_name)
            await deploy.wait_until_removed(client, testbed.module.short_name)


@command
@click.argument("value")
async def switch(session: Session, value: str) -> None:
    """Set the module's switch, which for Eventing is the backend: nats or eventmesh."""
    testbed = await session.running()
    module = testbed.module
    if module.switch is None:
        raise click.UsageError(f"module {module.short_name} names no `switch` in its module.yaml")
    patch = module.switch.patch(value)
    name = deploy.instance_name(module.short_name)
    target = Target(kind=Kind.of(dict(module.default_cr)), name=name, namespace=KCP_NAMESPACE)
    with Ledger(session.console).step("switch") as step:
        async with testbed.client() as client:
            await client.merge_patch(target.kind, target.name, patch, namespace=target.namespace)
            await wait_for(client, target, has_state("Ready"), what="be Ready")
        step.note(f"{target} is Ready with {value}")


@command
async def verify(session: Session) -> None:
    """Check the module's resource, the Kyma's status, the manager's log, and what the module offers."""
    testbed = await session.running()
    async with testbed.client() as client:
        for one in await mainjob.check(testbed, client):
            session.console.print(f"[green]✓[/green] {one.name}", highlight=False)


@command
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines as they come.")
async def logs(session: Session, *, follow: bool) -> None:
    """Print the log of the module's manager."""
    testbed = await session.running()
    manager = testbed.module.manager
    words = ["logs", f"--follow={str(follow).lower()}", f"deployment/{manager.deployment}"]
    where = [f"--kubeconfig={testbed.provider.kubeconfig}", f"--namespace={manager.namespace}"]
    replace_this_process([testbed.tools.folder / "kubectl", *words, *where])


def _check_known(testbed: Testbed, module: str | None) -> None:
    if module and module != testbed.module.short_name:
        raise click.UsageError(f"this cluster was made for module {testbed.module.short_name}, not {module}")


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__slots__}


def _plain(failure: BaseException) -> str:
    return str(failure).replace("[", r"\[")


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
