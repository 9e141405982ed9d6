"""Put the manager together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from eventing_manager.changes import is_worth_a_pass
from eventing_manager.claims import Claims
from eventing_manager.credentials import CredentialsKeeper
from eventing_manager.dependencies import OptionalKinds
from eventing_manager.eventings import Eventings
from eventing_manager.events import Recorder
from eventing_manager.guard import Guard
from eventing_manager.installation import Installation
from eventing_manager.metrics import EventingMetrics, ManagerMetrics
from eventing_manager.names import EVENTING, LEASE_NAME, RELEASE
from eventing_manager.owned import OwnedObjects
from eventing_manager.provisioning import Provisioning
from eventing_manager.reconciler import EventingReconciler
from eventing_manager.removal import Removal
from eventing_manager.render import ChartRenderer
from eventing_manager.retirement import Retirement
from eventing_manager.secret_watch import SecretWatch
from eventing_manager.shutdown import Shutdown
from eventing_manager.tenancy import Tenancy
from kubeloop.controller import Controller
from kubeloop.lease import Lease
from kubeloop.reflector import Reflector
from kubeloop.resource import ObjectKey, version_of
from kubeloop.runtime import Runtime, RuntimeSettings

if TYPE_CHECKING:
    from eventing_manager.jetstream import JetStream
    from eventing_manager.settings import Settings
    from kubeloop.client import Client
    from kubeloop.resource import Object


WORKERS: Final = 4
"""Passes at a time. One Eventing is served; the others are many where each namespace has one."""


class EventingManager:
    """The reconciler, with what it watches and what starts its passes."""

    def __init__(self, client: Client, jetstream: JetStream, settings: Settings) -> None:
        self._settings = settings
        self._registry = CollectorRegistry()
        self._metrics = ManagerMetrics(self._registry, clock=_now)
        client = client.observed(self._metrics.wrote)
        self._lease = _lease(client, settings)
        if self._lease is not None:
            # One who was stopped for a while may not know yet that another leads: it must not write.
            client = client.guarded(self._lease.require)
        self._client = client
        self._watched = Reflector(client, EVENTING, on_change=self._eventing_changed)
        self._registry.register(EventingMetrics(self._watched.all, clock=_now))
        self._eventings = Eventings(
            client,
            self._watched,
            Recorder(client, clock=_now),
            clock=_now,
            on_report=self._metrics.reported,
        )
        self._tenancy = Tenancy(self._eventings)
        self._kinds = OptionalKinds(client, on_change=self._served)
        self._owned = OwnedObjects(
            client, settings.backend.namespace, on_change=self._served, announcers=self._kinds.announcers
        )
        self._installation = Installation(
            client, self._owned, settings.backend.namespace, on_prune=self._metrics.pruned
        )
        self._secret_watch = SecretWatch(client, on_change=self._served)
        self._claims = Claims(client, settings.backend.namespace, on_prune=self._metrics.pruned)
        self._provisioning = self._make_provisioning()
        self._retirement = self._make_retirement(jetstream)
        self._shutdown = Shutdown(self._eventings, self._tenancy, self._retirement)
        self._controller = Controller(
            "eventing",
            self._reconciler(jetstream).reconcile,
            kind=EVENTING,
            workers=WORKERS,
            observer=self._metrics.passes,
        )

    def runtime(self) -> Runtime:
        """Return what runs the manager."""
        settings = self._settings
        return Runtime(
            reflectors=[self._watched, *self._kinds.reflectors, *self._owned.reflectors],
            services=[self._secret_watch],
            controllers=[self._controller],
            lease=self._lease,
            registry=self._registry,
            before_release=self._shutdown.run if settings.deprovision_on_shutdown else None,
            settings=RuntimeSettings(
                health_address=settings.probes_address,
                metrics_address=settings.metrics_address,
                drain=settings.shutdown_timeout,
            ),
        )

    def _reconciler(self, jetstream: JetStream) -> EventingReconciler:
        return EventingReconciler(
            client=self._client,
            namespace=self._settings.backend.namespace,
            eventings=self._eventings,
            tenancy=self._tenancy,
            provisioning=self._provisioning,
            retirement=self._retirement,
            jetstream=jetstream,
            secret_watch=self._secret_watch,
            clock=_now,
        )

    def _make_provisioning(self) -> Provisioning:
        settings = self._settings
        return Provisioning(
            namespace=settings.backend.namespace,
            renderer=ChartRenderer(
                helm=settings.backend.helm,
                chart=settings.backend.chart,
                release=RELEASE,
                namespace=settings.backend.namespace,
            ),
            kinds=self._kinds,
            credentials=CredentialsKeeper(self._client, self._installation, settings.backend.namespace),
            installation=self._installation,
            claims=self._claims,
        )

    def _make_retirement(self, jetstream: JetStream) -> Retirement:
        guard = Guard(jetstream, self._claims, clock=_now)
        removal = Removal(self._settings.backend.namespace, self._installation, self._claims, guard)
        return Retirement(self._eventings, removal, self._provisioning)

    def _eventing_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or version_of(new) < version_of(old)):
            # It is gone, or the cluster was set back to an earlier day.
            self._eventings.forget(ObjectKey.of(old))
        if new is not None:
            if is_worth_a_pass(old, new):
                self._controller.enqueue(ObjectKey.of(new))
        elif old is not None and self._tenancy.was_holder(ObjectKey.of(old)):
            # The next one may be served now; where there is none, the pass on the one that is gone sees it.
            self._controller.enqueue(ObjectKey.of(old))
            self._everything()

    def _served(self) -> None:
        """Ask for a pass on the Eventing that has the backend; the others have nothing that could change."""
        self._shutdown.note_change()
        served = self._tenancy.holder()
        if served is not None:
            self._controller.enqueue(served)

    def _everything(self) -> None:
        for eventing in self._watched.all():
            self._controller.enqueue(ObjectKey.of(eventing))


def _lease(client: Client, settings: Settings) -> Lease | None:
    if not settings.leader_elect:
        return None
    return Lease(client, LEASE_NAME, settings.backend.namespace, settings.identity)


def _now() -> datetime:
    return datetime.now(UTC)
