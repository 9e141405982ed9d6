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
from eventing_manager.dependencies import OptionalKinds
from eventing_manager.eventings import Eventings
from eventing_manager.events import Recorder
from eventing_manager.guard import Guard
from eventing_manager.installation import Installation
from eventing_manager.names import EVENTING, LEASE_NAME, RELEASE
from eventing_manager.owned import OwnedObjects
from eventing_manager.provisioning import Provisioning
from eventing_manager.reconciler import EventingReconciler
from eventing_manager.removal import Removal
from eventing_manager.render import ChartRenderer
from eventing_manager.retirement import Retirement
from eventing_manager.secret_watch import SecretWatch
from eventing_manager.tenancy import Tenancy

if TYPE_CHECKING:
    from controller.client import Client
    from controller.resource import Object
    from eventing_manager.jetstream import JetStream
    from eventing_manager.settings import Settings


class EventingManager:
    """The reconciler, with what it watches and what starts its passes."""

    def __init__(self, client: Client, jetstream: JetStream, settings: Settings) -> None:
        self._settings = settings
        self._lease = _lease(client, settings)
        if self._lease is not None:
            # One who was stopped for a while may not know yet that another leads: it must not write.
            client = client.guarded(self._lease.require)
        self._client = client
        self._watched = Reflector(client, EVENTING, on_change=self._eventing_changed)
        self._eventings = Eventings(client, self._watched, Recorder(client, clock=_now), clock=_now)
        self._tenancy = Tenancy()
        self._kinds = OptionalKinds(client, on_change=self._served)
        self._owned = OwnedObjects(
            client, settings.namespace, on_change=self._served, announcers=self._kinds.announcers
        )
        self._secret_watch = SecretWatch(client, on_change=self._served)
        self._controller = Controller("eventing", self._reconciler(jetstream).reconcile, kind=EVENTING)

    def runtime(self) -> Runtime:
        """Return what runs the manager."""
        settings = self._settings
        return Runtime(
            reflectors=[self._watched, *self._kinds.reflectors, *self._owned.reflectors],
            services=[self._secret_watch],
            controllers=[self._controller],
            lease=self._lease,
            settings=RuntimeSettings(
                health_address=settings.probes_address, metrics_address=settings.metrics_address
            ),
        )

    def _reconciler(self, jetstream: JetStream) -> EventingReconciler:
        namespace = self._settings.namespace
        installation = Installation(self._client, self._owned)
        claims = Claims(self._client, namespace)
        provisioning = Provisioning(
            namespace=namespace,
            renderer=self._renderer(),
            kinds=self._kinds,
            installation=installation,
        )
        removal = Removal(namespace, installation, claims, Guard(jetstream, claims))
        return EventingReconciler(
            client=self._client,
            namespace=namespace,
            eventings=self._eventings,
            tenancy=self._tenancy,
            provisioning=provisioning,
            retirement=Retirement(self._eventings, removal, provisioning),
            jetstream=jetstream,
            secret_watch=self._secret_watch,
        )

    def _renderer(self) -> ChartRenderer:
        settings = self._settings
        return ChartRenderer(
            helm=settings.helm, chart=settings.chart, release=RELEASE, namespace=settings.namespace
        )

    def _eventing_changed(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            # The next one may be served now.
            self._everything()
        elif is_worth_a_pass(old, new):
            self._controller.enqueue(ObjectKey.of(new))

    def _served(self) -> None:
        """Ask for a pass on the Eventing that has the backend; the others have nothing that could change."""
        served = self._tenancy.holder(self._eventings.all())
        if served is not None:
            self._controller.enqueue(served)

    def _everything(self) -> None:
        for eventing in self._watched.all():
            self._controller.enqueue(ObjectKey.of(eventing))


def _lease(client: Client, settings: Settings) -> Lease | None:
    if not settings.leader_elect:
        return None
    return Lease(client, LEASE_NAME, settings.namespace, settings.identity)


def _now() -> datetime:
    return datetime.now(UTC)
