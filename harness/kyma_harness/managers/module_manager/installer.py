"""Install and remove what a Manifest names (contract 2.4 and 2.7)."""

from dataclasses import dataclass
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ConflictError, ControllerError
from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey, is_deleting
from kyma_harness.host.errors import HarnessError
from kyma_harness.kyma.errors import KymaError
from kyma_harness.kyma.helm import Helm
from kyma_harness.kyma.installation import check_flags, settings_of
from kyma_harness.managers.failures import sentence_of
from kyma_harness.managers.module_manager.charts import Install, Renderer, definitions_of
from kyma_harness.managers.module_manager.layers import Layers, name_of
from kyma_harness.managers.module_manager.objects import Objects
from kyma_harness.managers.module_manager.status import State
from kyma_harness.wait.waits import WaitError

log = get_logger(__name__)


class PrepareError(Exception):
    """The layers of a Manifest cannot be fetched or read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an installation."""

    state: State
    cause: str = ""
    """Why it failed; nothing where the custom resource has just not said anything yet."""


class Installer:
    """Take a Manifest's layers to the cluster, and away again."""

    def __init__(
        self,
        client: Client,
        *,
        layers: Layers,
        helm: Helm,
        kubectl: str,
        custom_state_check: bool = False,
        check_ready_states: bool = False,
    ) -> None:
        self._objects = Objects(client)
        self._layers = layers
        self._helm = helm
        self._renderer = Renderer(helm=helm, kubectl=kubectl)
        self._custom_state_check = custom_state_check
        self._check_ready_states = check_ready_states

    async def prepare(self, manifest: Object) -> list[Install]:
        """Fetch the layers; raises PrepareError with the reason where that fails."""
        spec = manifest["spec"]
        if spec.get("remote"):
            raise PrepareError(
                f"Manifest {ObjectKey.of(manifest)} is for another cluster, and the built-in module-manager "
                "knows its own only: set target: control-plane in the template"
            )
        try:
            config = spec.get("config") or {}
            entries = await self._layers.config(config)
            return [await self._configured(install, entries, name_of(config)) for install in spec["installs"]]
        except HarnessError as error:
            raise PrepareError(str(error)) from error

    async def _configured(self, install: Object, entries: list[Any], source: str) -> Install:
        chart = await self._layers.chart(install["source"])
        settings = await settings_of(install["name"], entries, self._helm, source)
        return Install(name=install["name"], chart=chart, settings=settings)

    async def install(self, manifest: Object, installs: list[Install]) -> Outcome:
        """Apply everything, create the custom resource, and return what became of it."""
        try:
            for install in installs:
                check_flags(install.settings)
                await self._objects.define(definitions_of(install))
                await self._objects.apply(await self._renderer.render(install), install)
            return Outcome(state=await self._state(manifest, installs))
        except ConflictError:
            raise
        except (ControllerError, HarnessError, WaitError) as error:
            log.warning("installation failed", cause=str(error))
            return Outcome(state=State.ERROR, cause=sentence_of(error))

    async def remove(self, manifest: Object, installs: list[Install]) -> bool:
        """Take the custom resource away and, once it is gone, everything else; tell whether all is done."""
        resource = manifest["spec"].get("resource")
        live = await self._objects.get(resource) if resource else None
        if live is not None:
            if not is_deleting(live):
                await self._objects.delete(live)
            return False
        for install in reversed(installs):
            await self._objects.remove(await self._what_was_installed(install), install)
            await self._objects.remove(definitions_of(install), install)
        return True

    async def _what_was_installed(self, install: Install) -> list[Object]:
        """Return the objects of a chart, also where the cluster lacks kinds of it by now.

        A chart that cannot be rendered at all has never brought any object.
        """
        try:
            return await self._renderer.render(install)
        except KymaError as error:
            log.warning("chart cannot be rendered with the cluster", install=install.name, cause=str(error))
        try:
            return await self._renderer.render_offline(install)
        except KymaError as error:
            log.warning("chart cannot be rendered, so nothing came of it", cause=str(error))
            return []

    async def _state(self, manifest: Object, installs: list[Install]) -> State:
        state = await self._resource_state(manifest)
        is_unready = state is State.READY and not await self._are_ready(installs)
        return State.PROCESSING if is_unready else state

    async def _are_ready(self, installs: list[Install]) -> bool:
        """Tell whether all objects of the charts are ready in the sense of their kinds, if anybody asks."""
        if not self._check_ready_states:
            return True
        return all([await self._objects.are_ready(await self._renderer.render(one), one) for one in installs])

    async def _resource_state(self, manifest: Object) -> State:
        """Create the custom resource where there is none, never change it, and see what it says."""
        wanted = manifest["spec"].get("resource")
        if not wanted:
            return State.READY
        live = await self._objects.get(wanted) or await self._objects.create(wanted)
        if not self._custom_state_check:
            return State.READY
        match (live.get("status") or {}).get("state"):
            case None:
                return State.ERROR  # The original takes a status that is not there yet for an error.
            case "Ready":
                return State.READY
            case _:
                return State.PROCESSING
