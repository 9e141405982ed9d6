"""Put the manager together."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from eventing_manager.act.actor import Actor
from eventing_manager.act.chart import ChartRenderer
from eventing_manager.act.credentials import CredentialsKeeper, generated
from eventing_manager.act.eventings import Eventings
from eventing_manager.act.install import Installation
from eventing_manager.api.names import EVENTING, EVENTINGS_DEFINITION, LEASE_NAME, MANAGER, RELEASE
from eventing_manager.api.tenancy import Tenancy
from eventing_manager.metrics import EventingMetrics, ManagerMetrics
from eventing_manager.observe.copies import OwnedObjects
from eventing_manager.observe.kinds import OptionalKinds
from eventing_manager.observe.observed import Observer
from eventing_manager.reconciler import EventingReconciler, Passes
from eventing_manager.shutdown import Shutdown
from eventing_manager.wakes import Wakes
from kubeloop.controller import Controller
from kubeloop.definitions import Definitions
from kubeloop.events import EventRecorder
from kubeloop.kinds import SECRET
from kubeloop.lease import Lease
from kubeloop.reflector import Reflector
from kubeloop.resource import is_deleting
from kubeloop.runtime import Runtime, RuntimeSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventing_manager.act.chart import Renderer
    from eventing_manager.observe.jetstream import JetStream
    from eventing_manager.settings import BackendSettings, Settings
    from kubeloop.client import Client
    from kubeloop.resource import Object

WORKERS: Final = 4
"""Passes at a time. One Eventing is served; the others are many where each namespace has one."""


class EventingManager:
    """The reconciler, with what it watches and what starts its passes."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStream,
        settings: Settings,
        *,
        renderer: Renderer | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        generate: Callable[[], str] = generated,
    ) -> None:
        backend = settings.backend
        self._settings = settings
        self._registry = CollectorRegistry()
        self._metrics = ManagerMetrics(self._registry, clock=clock)
        self._lease = _lease(client, settings)
        client = client.observed(self._metrics.wrote)
        if self._lease is not None:
            # One who was stopped for a while may not know yet that another leads: it must not write.
            client = client.guarded(self._lease.require)
        self._watched = Reflector(client, EVENTING, on_change=self._eventing_changed)
        self._registry.register(EventingMetrics(self._watched.all, clock=clock))
        self._definition = Definitions(client, EVENTINGS_DEFINITION, required=False)
        self._kinds = OptionalKinds(client, on_change=self._served)
        self._owned = OwnedObjects(
            client, backend.namespace, on_change=self._served, announcers=self._kinds.announcers
        )
        self._secret = Reflector(
            client,
            SECRET,
            name="the Secret of eventmesh",
            required=False,
            on_change=lambda _old, _new: self._served(),
            transform=_without_content,
        )
        self._secret.follow(None)
        eventings = Eventings(
            client,
            self._watched,
            EventRecorder(client, MANAGER, clock=clock),
            clock=clock,
            on_report=self._metrics.reported,
        )
        tenancy = Tenancy(
            eventings,
            namespaces=backend.serve_namespaces,
            delay=settings.hand_over_delay,
            clock=lambda: asyncio.get_running_loop().time(),
            leaves=self._is_leaving,
        )
        observer = Observer(
            client,
            jetstream,
            self._owned,
            namespace=backend.namespace,
            kinds=self._kinds.served,
            clock=clock,
        )
        installation = Installation(
            client,
            self._owned,
            namespace=backend.namespace,
            renderer=renderer or chart_renderer(backend),
            credentials=CredentialsKeeper(client, self._owned, backend.namespace, generate=generate),
            on_prune=self._metrics.pruned,
        )
        actor = Actor(client, eventings, installation, on_prune=self._metrics.pruned)
        passes = Passes(observer, actor, allowed=backend.pod_metadata)
        self._shutdown = Shutdown(eventings, tenancy, passes)
        reconciler = EventingReconciler(
            eventings=eventings,
            tenancy=tenancy,
            passes=passes,
            follow_secret=self._secret.follow,
            namespaces=backend.serve_namespaces,
            clock=clock,
        )
        self._controller = Controller(
            "eventing",
            reconciler.reconcile,
            kind=EVENTING,
            workers=WORKERS,
            observer=self._metrics.passes,
        )
        self._wakes = Wakes(
            eventings, tenancy, enqueue=self._controller.enqueue, note=self._shutdown.note_change
        )
        self._definition.subscribe(self._wakes.everything)

    def runtime(self) -> Runtime:
        """Return what runs the manager."""
        settings = self._settings
        return Runtime(
            reflectors=[
                self._watched,
                self._definition.reflector,
                *self._kinds.reflectors,
                *self._owned.reflectors,
                self._secret,
            ],
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

    def _eventing_changed(self, old: Object | None, new: Object | None) -> None:
        self._wakes.eventing_changed(old, new)

    def _served(self) -> None:
        self._wakes.served()

    def _is_leaving(self) -> bool:
        """Tell whether the module is being removed: its definition of Eventing goes."""
        return any(is_deleting(definition) for definition in self._definition.reflector.all())


def chart_renderer(backend: BackendSettings) -> ChartRenderer:
    """Return what renders the backend's chart."""
    return ChartRenderer(helm=backend.helm, chart=backend.chart, release=RELEASE, namespace=backend.namespace)


def _lease(client: Client, settings: Settings) -> Lease | None:
    if not settings.leader_elect:
        return None
    return Lease(client, LEASE_NAME, settings.backend.namespace, settings.identity)


def _without_content(secret: Object) -> Object:
    """Keep nothing in memory that is not needed: a pass reads the Secret itself."""
    return {"metadata": secret["metadata"]}
