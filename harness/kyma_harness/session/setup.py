"""Bring a cluster, the lifecycle managers and a module together, and work with them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from rich.console import Console

from kubeloop.client import Client
from kubeloop.resource import Object
from kyma_harness.clusters.choice import Chosen, choose
from kyma_harness.clusters.errors import MismatchError, NotRunningError
from kyma_harness.clusters.factory import Wanted, make_provider, tools_for
from kyma_harness.clusters.provider import AUTO, Capability, ProcessRules, Provider, ProviderOptions
from kyma_harness.host.paths import definite, write_private
from kyma_harness.host.sharing import Share
from kyma_harness.kyma import deploy
from kyma_harness.kyma.charting import charted
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.helm import Helm
from kyma_harness.kyma.makings import Made, Makings
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.originals import GoSource, prebuilt
from kyma_harness.kyma.pair import NATS_RULES, LifecycleManagers, find
from kyma_harness.kyma.room import check_room
from kyma_harness.kyma.undeploy import undeploy
from kyma_harness.oci.bundle import Bundle
from kyma_harness.oci.recipe import Recipe
from kyma_harness.oci.release import Release, release
from kyma_harness.oci.supply import Supply, explain_pulls, with_image
from kyma_harness.session.fingerprint import Fingerprint, fingerprint
from kyma_harness.session.options import PREFIX, Settings, default_module, own_module
from kyma_harness.session.record import Record, RecordFile
from kyma_harness.toolchain.toolchain import ToolPaths
from kyma_harness.toolchain.tools import ensure


@dataclass(frozen=True, slots=True, kw_only=True)
class Testbed:
    """Everything that is decided before a cluster exists; its methods are the steps of the main job."""

    __test__ = False  # not a test, whatever pytest makes of the name

    settings: Settings
    tools: ToolPaths
    module: Module
    managers: LifecycleManagers
    provider: Provider
    chosen: Chosen
    users: Share
    """Ours of the cluster, while we use it."""
    record: RecordFile
    """What the cluster was made for, once it is."""
    take_fingerprint: Callable[[], Fingerprint]

    @property
    def fingerprint(self) -> Fingerprint:
        """What cluster and contents are made of, as it was when first asked for."""
        return self.take_fingerprint()

    async def stop(self) -> None:
        """Take the cluster away; from one that stays, take away all that was deployed into it."""
        try:
            if (makings := self._makings()) is not None:
                await self._undeploy(makings)
        except MismatchError:  # it is somebody else's by now
            await self._give_up()
            raise
        await self._give_up()

    async def _undeploy(self, makings: Makings) -> None:
        if await self.provider.attach() or list(makings):
            template = self.template()
            async with self.client() as client:
                managers = self.managers
                await undeploy(
                    client, self.module, managers.objects, template, makings, quirks=managers.quirks
                )

    async def _give_up(self) -> None:
        await self.provider.delete()
        self.users.release()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Connect to the cluster as its administrator."""
        async with Client.from_kubeconfig(self.provider.kubeconfig, user_agent="kyma-harness") as client:
            yield client

    async def bundle(self, show: Callable[[str], None] = lambda _: None) -> Release:
        """Check the module, and push its bundle to the cluster's registry.

        Where pods are containers, the manager's image is made and pushed before; ``show`` gets the lines
        of its build.
        """

        async def with_its_image(bundle: Bundle) -> Bundle:
            if not (self.has_containers and self.module.image):
                return bundle
            recipe = Recipe.load(self.module.image)
            return with_image(bundle, recipe, await self._supply.manager(recipe, show))

        registry = self.provider.registry
        async with self.client() as client:
            released = await release(
                self.module,
                f"{registry.push}/{PREFIX}",
                client=client,
                base_url=f"{registry.pull}/{PREFIX}",
                helm=self._helm,
                adapt=with_its_image,
            )
        write_private(self.template_file, released.template)
        return released

    @property
    def _helm(self) -> Helm | None:
        """The program that renders the chart to look at it; not every provider brings one."""
        program = self.tools.folder / "helm"
        return Helm(program) if program.exists() else None

    @property
    def has_containers(self) -> bool:
        """Whether pods are containers here, and need images."""
        return Capability.CONTAINERS in self.provider.capabilities

    @property
    def template_file(self) -> Path:
        """Where the template of the module as last bundled for this cluster lies."""
        return self.settings.cluster_state / "module-template.yaml"

    def template(self) -> list[Object]:
        """Return what the module's template as last bundled brings; nothing where there is none."""
        if not self.template_file.exists():
            return []
        return parse_objects(self.template_file.read_text(), str(self.template_file))

    async def deploy_managers(self, client: Client) -> list[Object]:
        """Deploy the chosen pair, as containers where there are some, and wait until both are available.

        Returns what was applied.
        """
        managers = await self.deployable_managers()
        with explain_pulls(self.provider.registry):
            return await deploy.deploy_managers(client, managers, makings=self._makings())

    async def deployable_managers(self) -> LifecycleManagers:
        """Return the pair as this cluster can run it: as containers, with images in its registry, or not."""
        if not self.has_containers:
            return self.managers
        return await self._supply.lifecycle_managers(self.managers)

    async def deploy_kyma(self, client: Client) -> list[Object]:
        """Apply the module's template and create the Kyma, if there is none; return what was applied."""
        if not self.template_file.exists():
            raise NotRunningError(
                f"cluster {self.settings.cluster} has no bundle of the module yet",
                remedy="run `kyma-harness bundle`",
            )
        text, makings = self.template_file.read_text(), self._makings()
        template = await deploy.apply_template(client, text, str(self.template_file), makings=makings)
        await deploy.ensure_kyma(client, makings=makings)
        return template

    @property
    def _supply(self) -> Supply:
        return Supply(
            provider=self.provider,
            tools=self.tools.folder,
            way=self.settings.image,
            build_args=self.settings.build_args,
        )

    def _makings(self) -> Makings | None:
        """Return what is ours in a cluster that stays; a cluster that goes as a whole needs no such list."""
        if self.provider.disposable:
            return None
        known = self.record.now()
        return Makings(known.made_objects() if known else (), keep=self._keep)

    def _keep(self, made: Sequence[Made]) -> None:
        if known := self.record.now():
            self.record.write(known.with_objects(made))


def rules_in_order(module: Module, managers: LifecycleManagers) -> list[Path]:
    """Order the files of rules: no module's takes the managers' place, but it may have a NATS of its own."""
    own = [file for file in managers.rules if file != NATS_RULES]
    defaults = [file for file in managers.rules if file == NATS_RULES]
    return [*own, *([module.rules] if module.rules else []), *defaults]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a run works with, as far as words decide it: the machine decides the rest."""

    settings: Settings
    """What was asked for, and where nothing was, what the cluster was made with."""
    reason: str
    """Why it is this provider; empty while the provider is ``auto``."""


def resolve(asked: Settings, recorded: Record | None, *, usual: Path, own: Path | None = None) -> Setup:
    """Decide what counts: what is asked for now, or what the cluster was made with.

    A cluster that runs is taken as it is: "auto", and options that were not given, mean what it was made
    with, and so does the module that is ``usual`` here. One that tests keep for each other has to be what is
    asked for now, so that only its provider counts.

    Raises :class:`MismatchError` where the folder one is in has a module of its ``own`` and the cluster
    another.
    """
    if recorded is None:
        return Setup(settings=asked, reason="" if asked.provider == AUTO else "asked for")
    is_same = asked.provider in {AUTO, recorded.provider}
    provider, reason = (recorded.provider, "as it runs") if is_same else (asked.provider, "asked for")
    settings = replace(asked, provider=provider)
    if asked.keep:
        return Setup(settings=settings, reason=reason)
    made_for = Path(recorded.kyma_dist) if recorded.kyma_dist else None
    settings = replace(
        settings,
        kyma=Choice(recorded.kyma) if asked.kyma is Choice.AUTO else asked.kyma,
        kyma_dist=asked.kyma_dist or made_for,
        module=_module_meant(asked, Path(recorded.module), own) if asked.module == usual else asked.module,
        options=recorded.provider_options() if asked.options == ProviderOptions() else asked.options,
    )
    return Setup(settings=settings, reason=reason)


def _module_meant(asked: Settings, recorded: Path, own: Path | None) -> Path:
    if own and asked.module == own and definite(recorded) != definite(own):
        raise MismatchError(
            f"cluster {asked.cluster} was made with {recorded}, and this folder has another, {own}",
            remedy="name the cluster's with --module (pytest: --harness-module); for that of this folder"
            " take another cluster with --cluster, or stop this one with `kyma-harness down`",
        )
    return recorded


async def set_up(
    asked: Settings, console: Console | None = None, record: RecordFile | None = None
) -> Testbed:
    """Decide on provider, module and managers, and bring the tools that they need; starts nothing."""
    record = record or RecordFile(asked)
    here = Path.cwd()
    setup = resolve(asked, record.now(), usual=default_module(here), own=own_module(here))
    settings = setup.settings
    chosen = Chosen(provider=settings.provider, reason=setup.reason)
    if not setup.reason:
        chosen = await choose(settings.provider, settings.cluster_state)
    only = tools_for(chosen.provider)
    tools = await ensure(explicit=settings.tools, cache=settings.cache, only=only, console=console)
    kubectl = tools.folder / "kubectl"
    module = await charted(Module.load(settings.module), kubectl=kubectl, cache=settings.cache)
    managers = await find_managers(settings, tools, console)
    users = Share(settings.cluster_state / "users.lock")
    wanted = Wanted(
        cluster=settings.cluster,
        state=settings.cluster_state,
        tools=tools,
        options=settings.options,
        rules=ProcessRules(
            files=rules_in_order(module, managers),
            placeholders=managers.placeholders,
        ),
        detached=settings.detached,
        users=users,
        check_room=lambda client: check_room(client, module, managers.objects),
        claim=record.claim,
    )
    return Testbed(
        settings=settings,
        tools=tools,
        module=module,
        managers=managers,
        provider=make_provider(chosen.provider, wanted),
        chosen=chosen,
        users=users,
        record=record,
        # Most commands only look at a cluster: they need not read all sources for that.
        take_fingerprint=cache(
            partial(
                fingerprint,
                provider=chosen.provider,
                options=settings.options,
                tools=tools,
                managers=managers,
                module=module,
            )
        ),
    )


async def find_managers(
    settings: Settings, tools: ToolPaths, console: Console | None = None
) -> LifecycleManagers:
    """Find the lifecycle managers: the given folder, the cache or ``go install``, else the built-in pair."""
    given = settings.kyma_dist
    if given is not None:
        return await find(settings.kyma, [lambda: prebuilt(given, settings.cache)])

    def report(what: str) -> None:
        (console or Console(stderr=True)).print(f"lifecycle managers: {what} …", highlight=False)

    kubectl = tools.folder / "kubectl"
    return await find(settings.kyma, [GoSource(cache=settings.cache, kubectl=kubectl, on_progress=report)])
