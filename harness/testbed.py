"""Bring a cluster, the lifecycle managers and a module together, and work with them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from controller.client import Client
from harness.clusters.embedded import EmbeddedProvider
from harness.clusters.errors import MismatchError, NotRunningError
from harness.clusters.provider import ProcessRules, Progress, Provider
from harness.embedded.toolchain import ToolPaths
from harness.host.paths import write_private
from harness.kyma import deploy
from harness.kyma.bundle import pack
from harness.kyma.distribution import Choice, LifecycleManagers, find
from harness.kyma.golang import GoSource
from harness.kyma.module import Module
from harness.kyma.oci import push
from harness.kyma.prebuilt import prebuilt
from harness.kyma.template import template
from harness.settings import PREFIX, Settings

RECORD = "testbed.json"
"""What a cluster was made for, in its state folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Testbed:
    """Everything that is decided before a cluster exists; its methods are the steps of the main job."""

    __test__ = False  # not a test, whatever pytest makes of the name

    settings: Settings
    tools: ToolPaths
    module: Module
    managers: LifecycleManagers
    provider: Provider

    async def start(self, on_progress: Callable[[Progress], None]) -> bool:
        """Take up the running cluster, or make one; tells whether it was there before."""
        if await self.provider.attach():
            self._check_record()
            return True
        await self.provider.create(on_progress)
        write_private(self.settings.cluster_state / RECORD, json.dumps(self._record()))
        return False

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Connect to the cluster as its administrator."""
        async with Client.from_kubeconfig(self.provider.kubeconfig, user_agent="kyma-harness") as client:
            yield client

    async def bundle(self) -> str:
        """Pack the module, push it to the cluster's registry, and return its template."""
        bundle, registry = pack(self.module), self.provider.registry
        await push(bundle, f"{registry.push}/{PREFIX}", base_url=f"{registry.pull}/{PREFIX}")
        text = template(bundle, f"{registry.pull}/{PREFIX}")
        write_private(self.template_file, text)
        return text

    @property
    def template_file(self) -> Path:
        """Where the template of the module as last bundled for this cluster lies."""
        return self.settings.cluster_state / "module-template.yaml"

    async def deploy_managers(self, client: Client) -> None:
        """Deploy the chosen pair and wait until both are available."""
        await deploy.deploy_managers(client, self.managers)

    async def deploy_kyma(self, client: Client) -> None:
        """Apply the module's template and create the Kyma."""
        if not self.template_file.exists():
            raise NotRunningError(
                f"cluster {self.settings.cluster} has no bundle of the module yet: run `kyma-harness bundle`"
            )
        await deploy.apply_template(client, self.template_file.read_text(), str(self.template_file))
        await deploy.ensure_kyma(client)

    def _record(self) -> dict[str, str]:
        return {"kyma": str(self.managers.pair), "module": str(self.settings.module)}

    def _check_record(self) -> None:
        path = self.settings.cluster_state / RECORD
        found = json.loads(path.read_text()) if path.exists() else self._record()
        for key, wanted in self._record().items():
            if found.get(key) != wanted:
                raise MismatchError(
                    f"cluster {self.settings.cluster} runs with {key} {found.get(key)}, not {wanted}: "
                    "stop it first with `make stop`, or name another cluster"
                )


async def prepare(settings: Settings, tools: ToolPaths) -> Testbed:
    """Decide which module, which pair of managers and which provider a run uses."""
    module = Module.load(settings.module)
    managers = await find_managers(_as_recorded(settings), tools)
    provider = EmbeddedProvider(
        cluster=settings.cluster,
        state=settings.cluster_state,
        tools=tools,
        rules=ProcessRules(
            files=[*([module.rules] if module.rules else []), *managers.rules],
            placeholders=managers.placeholders,
        ),
        detached=settings.detached,
    )
    return Testbed(settings=settings, tools=tools, module=module, managers=managers, provider=provider)


async def find_managers(settings: Settings, tools: ToolPaths) -> LifecycleManagers:
    """Find the lifecycle managers: the given folder, the cache or ``go install``, else the built-in pair."""
    sources = [GoSource(cache=settings.cache, kubectl=tools.folder / "kubectl")]
    given = settings.kyma_dist
    if given is not None:
        return await find(settings.kyma, [lambda: prebuilt(given, settings.cache)])
    return await find(settings.kyma, sources)


def _as_recorded(settings: Settings) -> Settings:
    """Let "auto" mean what the running cluster was made with, where there is one."""
    record = settings.cluster_state / RECORD
    if settings.kyma is not Choice.AUTO or not record.exists():
        return settings
    return replace(settings, kyma=Choice(json.loads(record.read_text())["kyma"]))
