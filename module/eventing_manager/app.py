"""Put the manager together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controller.controller import Controller
from controller.lease import Lease
from controller.reflector import Reflector
from controller.resource import ObjectKey
from controller.runtime import Runtime, RuntimeSettings
from eventing_manager.changes import is_worth_a_pass
from eventing_manager.claims import Claims
from eventing_manager.eventings import Eventings
from eventing_manager.events import Recorder
from eventing_manager.guard import Guard
from eventing_manager.installation import Installation
from eventing_manager.names import EVENTING, LEASE_NAME, RELEASE
from eventing_manager.owned import OwnedObjects
from eventing_manager.reconciler import EventingReconciler
from eventing_manager.removal import Removal
from eventing_manager.render import ChartRenderer
from eventing_manager.tenancy import Tenancy

if TYPE_CHECKING:
    from controller.client import Client
    from controller.resource import Object
    from eventing_manager.jetstream import JetStream
    from eventing_manager.settings import Settings


class EventingManager:
    """The reconciler, with what it watches and what starts its passes."""

    def __init__(self, client: Client, jetstream: JetStream, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._watched = Reflector(client, EVENTING, on_change=self._eventing_changed)
        self._owned = OwnedObjects(client, settings.namespace, on_change=self._everything)
        self._controller = Controller("eventing", self._reconciler(jetstream).reconcile, kind=EVENTING)

    def runtime(self) -> Runtime:
        """Return what runs the manager."""
        settings = self._settings
        lease = Lease(self._client, LEASE_NAME, settings.namespace, settings.identity)
        return Runtime(
            reflectors=[self._watched, *self._owned.reflectors],
            controllers=[self._controller],
            lease=lease if settings.leader_elect else None,
            settings=RuntimeSettings(
                health_address=settings.probes_address, metrics_address=settings.metrics_address
            ),
        )

    def _reconciler(self, jetstream: JetStream) -> EventingReconciler:
        namespace = self._settings.namespace
        installation = Installation(self._client, self._owned)
        claims = Claims(self._client, namespace)
        return EventingReconciler(
            namespace=namespace,
            eventings=Eventings(self._client, self._watched, Recorder(self._client, clock=_now), clock=_now),
            tenancy=Tenancy(),
            renderer=ChartRenderer(
                helm=self._settings.helm,
                chart=self._settings.chart,
                release=RELEASE,
                namespace=namespace,
            ),
            installation=installation,
            removal=Removal(installation, claims, Guard(jetstream, claims)),
            jetstream=jetstream,
        )

    def _eventing_changed(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            # The next one may be served now.
            self._everything()
        elif is_worth_a_pass(old, new):
            self._controller.enqueue(ObjectKey.of(new))

    def _everything(self) -> None:
        for eventing in self._watched.all():
            self._controller.enqueue(ObjectKey.of(eventing))


def _now() -> datetime:
    return datetime.now(UTC)
