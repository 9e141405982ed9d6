"""Install and remove what a Manifest names (contract 2.4 and 2.7)."""

from kubeloop.client import Client
from kubeloop.errors import ConflictError, ControllerError
from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey, is_deleting
from kyma_harness.host.errors import HarnessError
from kyma_harness.kyma.contract import definitions_in
from kyma_harness.managers.module_manager.charts import Install, Renderer, configured
from kyma_harness.managers.module_manager.layers import Layers
from kyma_harness.managers.module_manager.objects import Objects
from kyma_harness.managers.module_manager.status import State
from kyma_harness.wait.waits import WaitError

log = get_logger(__name__)


class PrepareError(Exception):
    """The layers of a Manifest cannot be fetched or read."""


class Installer:
    """Take a Manifest's layers to the cluster, and away again."""

    def __init__(
        self,
        client: Client,
        *,
        layers: Layers,
        renderer: Renderer,
        custom_state_check: bool = False,
        check_ready_states: bool = False,
    ) -> None:
        self._objects = Objects(client)
        self._layers = layers
        self._renderer = renderer
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
            entries = await self._layers.config(spec.get("config", {}))
            return [
                configured(install["name"], await self._layers.chart(install["source"]), entries)
                for install in spec["installs"]
            ]
        except HarnessError as error:
            raise PrepareError(str(error)) from error

    async def install(self, manifest: Object, installs: list[Install]) -> State:
        """Apply everything, create the custom resource, and return what became of it."""
        try:
            for install in installs:
                await self._objects.define(definitions_in(install.chart))
                await self._objects.apply(await self._renderer.render(install), install)
            return await self._state(manifest, installs)
        except ConflictError:
            raise
        except (ControllerError, HarnessError, WaitError) as error:
            log.error("installation failed", cause=str(error))  # noqa: TRY400 - its words are enough
            return State.ERROR

    async def remove(self, manifest: Object, installs: list[Install]) -> bool:
        """Take the custom resource away and, once it is gone, everything else; tell whether all is done."""
        resource = manifest["spec"].get("resource")
        live = await self._objects.get(resource) if resource else None
        if live is not None:
            if not is_deleting(live):
                await self._objects.delete(live)
            return False
        for install in reversed(installs):
            await self._objects.remove(await self._renderer.render(install), install)
            await self._objects.remove(definitions_in(install.chart), install)
        return True

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
        match live.get("status", {}).get("state"):
            case None:
                return State.ERROR  # The original takes a status that is not there yet for an error.
            case "Ready":
                return State.READY
            case _:
                return State.PROCESSING
