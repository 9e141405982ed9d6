"""Make the cluster have NATS, as an Eventing asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventing_manager.claims import is_labelled_for, misfit, unfit
from eventing_manager.dependencies import kinds_found
from eventing_manager.errors import VolumesError
from eventing_manager.names import nats_statefulset
from eventing_manager.readiness import unready_reason
from eventing_manager.values import chart_values
from kubeloop.kinds import STATEFUL_SET
from kubeloop.resource import Kind, ObjectKey, is_deleting

if TYPE_CHECKING:
    from eventing_manager.claims import Claims
    from eventing_manager.credentials import CredentialsKeeper
    from eventing_manager.dependencies import OptionalKinds
    from eventing_manager.installation import Installation
    from eventing_manager.render import Renderer
    from eventing_manager.spec import EventingSpec, NatsSettings
    from eventing_manager.status import Dependency
    from kubeloop.resource import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What came of a provisioning."""

    waiting_for: str | None
    """What the StatefulSet waits for, in a sentence; None when it is ready."""

    dependencies: tuple[Dependency, ...]
    is_complete: bool
    """Whether every object is applied, and watched: a kind that is served may not be known everywhere yet."""


class Provisioning:
    """Render the chart for what is there, and install it."""

    def __init__(
        self,
        *,
        namespace: str,
        renderer: Renderer,
        kinds: OptionalKinds,
        credentials: CredentialsKeeper,
        installation: Installation,
        claims: Claims,
    ) -> None:
        self._statefulset = nats_statefulset(namespace)
        self._renderer = renderer
        self._kinds = kinds
        self._credentials = credentials
        self._installation = installation
        self._claims = claims

    async def objects(self, spec: EventingSpec, *, draining: bool = False) -> list[Object]:
        """Return what is to be installed."""
        values = chart_values(
            spec,
            credentials=await self._credentials.current(),
            served=self._kinds.served(),
            draining=draining,
        )
        return await self._renderer.render(values)

    async def require_fit(self, spec: EventingSpec) -> None:
        """Raise VolumesError where NATS would lose the messages on volumes that were left.

        A StatefulSet that is there for as many servers has them already, which spares asking each time; the
        API server refuses to make it one for another number, by the label in its template of claims.
        """
        if not spec.nats.storage.is_volume:
            return
        copy = self._installation.copy_of(STATEFUL_SET, self._statefulset)
        if copy is not None and not is_deleting(copy) and _is_for(copy, spec.nats):
            return
        left = unfit(await self._claims.existing(), spec.nats)
        if left:
            raise VolumesError(misfit(left, spec.nats))

    async def installed(self, eventing: Object) -> list[Object]:
        """Return the objects that were installed for an Eventing, as the API server knows them now."""
        return await self._installation.members(eventing)

    async def has_servers(self, eventing: Object) -> bool:
        """Tell whether NATS was installed for an Eventing as far as its StatefulSet."""
        return any(Kind.of(obj) == STATEFUL_SET for obj in await self.installed(eventing))

    async def provide(self, eventing: Object, spec: EventingSpec, *, draining: bool = False) -> Provisioned:
        """Install what differs; ChartError, ForeignObjectError and ApiError say why that cannot be done.

        So does VolumesError. While ``draining`` NATS delivers what it holds and takes in nothing.
        """
        await self.require_fit(spec)
        dependencies = kinds_found(self._kinds.served())
        installed = await self._installation.install(eventing, await self.objects(spec, draining=draining))
        return Provisioned(
            waiting_for=_unready(installed.objects, self._statefulset),
            dependencies=dependencies,
            is_complete=not installed.absent and self._installation.is_watched(installed.objects),
        )


def _is_for(statefulset: Object, nats: NatsSettings) -> bool:
    templates = statefulset["spec"].get("volumeClaimTemplates") or []
    return bool(templates) and all(is_labelled_for(template, nats) for template in templates)


def _unready(objects: list[Object], statefulset: ObjectKey) -> str | None:
    """Return what the StatefulSet among the objects waits for, None if it is ready."""
    found = [obj for obj in objects if Kind.of(obj) == STATEFUL_SET and ObjectKey.of(obj) == statefulset]
    return unready_reason(found[0]) if found else f"{STATEFUL_SET.kind} {statefulset} is not in the chart"
