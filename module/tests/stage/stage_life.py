"""A whole life of the manager in memory: its own program, on a stage, in virtual time."""

import asyncio
import json
import subprocess
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import looptime
import yaml
from stage_nats import NATS, Asked, StageNats
from stage_server import StageServer

from eventing_manager.api.names import EVENTINGS_DEFINITION, FORCE_ANNOTATION, SETTINGS_ANNOTATION
from eventing_manager.app import EventingManager
from eventing_manager.plan import Planner
from eventing_manager.settings import BackendSettings, Settings
from kubeloop.client import Client

CR_NAMESPACE, NAMESPACE = "kcp-system", "kyma-system"
NOON = datetime(2022, 12, 24, 12, tzinfo=UTC)
REST = 100.0
"""Seconds without an act in which everything has to come to rest: no look is further away than half of it."""

_RENDERED = {}


class StageRenderer:
    """Render the real chart with the real helm, once for each set of values in all lives."""

    def __init__(self, helm, chart):
        self._helm = helm
        self._chart = chart

    async def render(self, values):
        text = json.dumps(values, sort_keys=True)
        if text not in _RENDERED:
            command = [
                self._helm,
                "template",
                "eventing",
                self._chart,
                "--namespace",
                NAMESPACE,
                "--values",
                "-",
            ]
            done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)  # noqa: ASYNC221
            _RENDERED[text] = json.dumps([one for one in yaml.safe_load_all(done.stdout) if one])
        return json.loads(_RENDERED[text])


class Life:
    """One cluster with one manager, and what users do to it."""

    def __init__(self, helm, chart, **settings):
        self.server = StageServer()
        self.nats = StageNats(self.server)
        self.renderer = StageRenderer(helm, chart)
        self.settings = Settings(
            backend=BackendSettings(
                helm=helm, chart=Path(chart), namespace=NAMESPACE, nats_monitoring_url="", nats_server_url="",
                **settings,
            ),
            metrics_address=None, probes_address=None, leader_elect=False, deprovision_on_shutdown=False,
            shutdown_timeout=20.0, identity="stage", hand_over_delay=10.0,
        )  # fmt: skip
        self._manager = None
        self.reborn = None
        """The task that brings up a manager which was killed in the middle of a request."""
        definition = {
            "group": "operator.kyma-project.io",
            "names": {"kind": "Eventing", "plural": "eventings"},
        }
        self.server.put({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": EVENTINGS_DEFINITION},
            "spec": {**definition, "versions": [{"name": "v1alpha1", "served": True}]},
            "status": {"conditions": [{"type": "Established", "status": "True"}]},
        })  # fmt: skip

    @asynccontextmanager
    async def played(self):
        """Let the manager and NATS live while the block runs."""
        nats = asyncio.create_task(self.nats.run())
        try:
            await self.start()
            yield self
        finally:
            await self.kill()
            nats.cancel()
            await asyncio.wait([nats])

    async def start(self):
        """Start the manager."""
        manager = EventingManager(
            Client(self.server), Asked(self.nats), self.settings, renderer=self.renderer,
            clock=self.now, generate=lambda: "generated",
        )  # fmt: skip
        self.runtime = manager.runtime()
        self._stop = asyncio.Event()
        self._manager = asyncio.create_task(self.runtime.run(self._stop))

    async def kill(self):
        """End the manager where it stands."""
        manager, self._manager = self._manager, None
        if manager is not None:
            manager.cancel()
            await asyncio.wait([manager])
            if not manager.cancelled():
                manager.result()

    async def rest(self, seconds=REST):
        """Let time pass until nothing is about to happen."""
        await asyncio.sleep(seconds)
        if self._manager is not None and self._manager.done():
            self._manager.result()

    def now(self):
        return NOON + timedelta(seconds=asyncio.get_running_loop().time())

    # What users do.

    def write(self, name="eventing", namespace=CR_NAMESPACE, *, backend="nats", annotations=None, **spec):
        """Create an Eventing, or edit it as kubectl apply does."""
        wanted = {"backend": {"type": backend, **spec}}
        if self.eventing(name, namespace) is None:
            self.server.put(an_eventing(name, namespace, wanted, annotations))
        else:
            patch = {"metadata": {"annotations": annotations or {}}, "spec": wanted}
            self.server.change("eventings", name, patch, namespace)

    def replace(self, name="eventing", namespace=CR_NAMESPACE, *, backend="nats", **spec):
        """Put a manifest in the place of an Eventing, as kubectl replace does: what we noted is gone."""
        self.server.put(an_eventing(name, namespace, {"backend": {"type": backend, **spec}}))

    def delete(self, name="eventing", namespace=CR_NAMESPACE):
        self.server.remove("eventings", name, namespace)

    def force(self, name="eventing", namespace=CR_NAMESPACE):
        patch = {"metadata": {"annotations": {FORCE_ANNOTATION: "true"}}}
        self.server.change("eventings", name, patch, namespace)

    # What is seen.

    def eventing(self, name="eventing", namespace=CR_NAMESPACE):
        return self.server.find("eventings", name, namespace)

    def state(self, name="eventing", namespace=CR_NAMESPACE):
        """Return the state, of this generation, and the reason of Ready."""
        eventing = self.eventing(name, namespace)
        if eventing is None:
            return "gone", ""
        status = eventing.get("status") or {}
        if status.get("observedGeneration") != eventing["metadata"]["generation"]:
            return "stale", ""
        return status["state"], self.condition("Ready", name, namespace)["reason"]

    def condition(self, type_, name="eventing", namespace=CR_NAMESPACE):
        conditions = (self.eventing(name, namespace).get("status") or {}).get("conditions") or []
        return next((one for one in conditions if one["type"] == type_), {"reason": "", "message": ""})

    def left(self):
        """Return what there is of NATS, by kind and name."""
        plurals = {
            "configmaps", "services", "statefulsets", "secrets", "networkpolicies", "poddisruptionbudgets",
            "persistentvolumeclaims", "destinationrules", "servicemonitors",
        }  # fmt: skip
        return sorted(
            f"{obj['kind']}/{name}"
            for (plural, _, name), obj in self.server.objects.items()
            if plural in plurals and NATS in name
        )

    def planner(self):
        return Planner(
            Client(self.server), Asked(self.nats), self.settings.backend, renderer=self.renderer,
            clock=self.now, generate=lambda: "generated",
        )  # fmt: skip

    def noted(self):
        return self.eventing()["metadata"].get("annotations", {}).get(SETTINGS_ANNOTATION)


def an_eventing(name, namespace, spec, annotations=None):
    return {
        "apiVersion": "operator.kyma-project.io/v1alpha1",
        "kind": "Eventing",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": spec,
    }


def play(scene, *arguments):
    """Run a scene in a loop of its own, in virtual time."""
    # Nothing comes from outside: where no step is left to run, no empty rounds (42 of them) bring one.
    loop = looptime.new_event_loop(start=0, noop_cycles=0)
    try:
        return loop.run_until_complete(scene(*arguments))
    finally:
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _end(tasks):
    """End what a scene has left behind, as a brought-up manager that it did not wait for."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
