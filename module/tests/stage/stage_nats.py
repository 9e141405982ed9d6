"""NATS in memory: the StatefulSet controller, volumes, and JetStream with what it holds."""

import asyncio
from dataclasses import dataclass, field

from eventing_manager.errors import JetStreamError
from eventing_manager.observe.jetstream import covers, read_streams

NAMESPACE, NATS = "kyma-system", "eventing-nats"
ROLL, GO = 2.0, 1.0
"""Seconds until servers are up, and until they are gone."""

DRAINING = "eventing-manager.kyma-project.io/draining"
SERVERS = "eventing-manager.kyma-project.io/servers"


@dataclass
class Consumer:
    """Who receives; ``acknowledged`` has the numbers of messages."""

    filter: str = ">"
    deliver: str = "all"
    acknowledged: set = field(default_factory=set)


@dataclass
class StoredStream:
    """A stream and what it holds: subjects by number."""

    subjects: tuple
    retention: str = "limits"
    storage: str = "file"
    messages: dict = field(default_factory=dict)
    consumers: dict = field(default_factory=dict)
    last: int = 0

    def unreceived(self):
        """Return the messages that nobody has acknowledged, which is what must not be lost."""
        received = {number for consumer in self.consumers.values() for number in consumer.acknowledged}
        return {number: subject for number, subject in self.messages.items() if number not in received}


class StageNats:
    """Do what Kubernetes and NATS do with a StatefulSet; it is also the JetStream that the manager asks."""

    def __init__(self, server):
        self._server = server
        self._volumes = {}
        self._memory = {}
        self._running = None
        self.is_paused = False
        self.asked = 0
        self.lost = []
        """Messages that were accepted, never received, and are gone: by stream and subject."""

    async def run(self):
        """Follow the StatefulSet until cancelled."""
        while True:
            if not await self._step():
                await self._server.until_changed()

    async def _step(self):
        """Do what is due; return whether there was anything."""
        for claim in self._server.all("persistentvolumeclaims"):
            if claim["metadata"].get("deletionTimestamp") and self._is_free(claim):
                self._lose(self._volumes.pop(claim["metadata"]["uid"], {}))
                self._server.drop("persistentvolumeclaims", claim["metadata"]["name"])
                return True
        statefulset = self._server.find("statefulsets", NATS)
        if statefulset is None:
            return self._stop()
        if statefulset["metadata"].get("deletionTimestamp"):
            await asyncio.sleep(GO)
            self._stop()
            self._server.drop("statefulsets", NATS)
            return True
        if (statefulset.get("status") or {}).get("observedGeneration") == statefulset["metadata"][
            "generation"
        ]:
            return False
        await self._roll(statefulset)
        return True

    async def _roll(self, statefulset):
        generation = statefulset["metadata"]["generation"]
        wanted = statefulset["spec"]["replicas"]
        is_other = self._running is None or self._pods(statefulset) != self._pods(self._running)
        if is_other:
            self._status(generation, ready=0)
            self._stop()
            await asyncio.sleep(ROLL)
        current = self._server.find("statefulsets", NATS)
        if current is None or _identity(current) != _identity(statefulset):
            return
        if current["metadata"].get("deletionTimestamp"):
            return
        self._claim(current)
        self._running = current if wanted else None
        self._status(generation, ready=wanted)

    def _pods(self, statefulset):
        return (
            statefulset["metadata"]["uid"],
            statefulset["spec"]["template"],
            statefulset["spec"]["replicas"],
        )

    def _status(self, generation, *, ready):
        status = {
            "observedGeneration": generation,
            "updatedReplicas": ready,
            "readyReplicas": ready,
            "replicas": ready,
        }
        self._server.change("statefulsets", NATS, {"status": status}, status=True)

    def _claim(self, statefulset):
        for template in statefulset["spec"].get("volumeClaimTemplates") or []:
            for ordinal in range(statefulset["spec"]["replicas"]):
                name = f"{template['metadata']['name']}-{NATS}-{ordinal}"
                found = self._server.find("persistentvolumeclaims", name)
                if found is None:
                    self._server.put(_claim_of(template, name))
                elif found["metadata"]["labels"].get(SERVERS) != template["metadata"]["labels"][SERVERS]:
                    # Servers that form a cluster delete what one that stood alone had, and the reverse.
                    self._lose(self._volumes.pop(found["metadata"]["uid"], {}))

    def _is_free(self, claim):
        return self._running is None or claim["metadata"]["name"] not in self._mounted()

    def _mounted(self):
        templates = self._running["spec"].get("volumeClaimTemplates") or []
        return {
            f"{template['metadata']['name']}-{NATS}-{ordinal}"
            for template in templates
            for ordinal in range(self._running["spec"]["replicas"])
        }

    def _stop(self):
        """End the servers; what they had in memory goes with them. Return whether there were any."""
        was_running, self._running = self._running is not None, None
        self._lose(self._memory)
        self._memory = {}
        for streams in self._volumes.values():
            for name in [name for name, stream in streams.items() if stream.storage == "memory"]:
                self._lose({name: streams.pop(name)})
        return was_running

    def _lose(self, streams):
        for name, stream in streams.items():
            self.lost += [(name, subject) for subject in stream.unreceived().values()]

    @property
    def streams(self):
        """The streams of the servers that run, on their first volume or in memory."""
        if self._running is None:
            return None
        if not self._running["spec"].get("volumeClaimTemplates"):
            return self._memory
        claim = self._server.find("persistentvolumeclaims", f"data-{NATS}-0")
        return self._volumes.setdefault(claim["metadata"]["uid"], {})

    @property
    def is_draining(self):
        """Whether clients can publish nothing."""
        template = self._running["spec"]["template"]["metadata"]
        return template["annotations"].get(DRAINING) == "true"

    # What clients do.

    def publish(self, stream, subject, **settings):
        """Publish to a stream, which is made where it is not there; return whether it was accepted."""
        if self._running is None or self.is_paused or self.is_draining:
            return False
        subjects = settings.pop("subjects", ("orders.>",))
        found = self.streams.setdefault(stream, StoredStream(subjects, **settings))
        if not covers(found.subjects, subject):
            return False
        found.last += 1
        found.messages[found.last] = subject
        return True

    def consume(self, stream, consumer, *, filter=">", deliver="all"):  # noqa: A002 - NATS' word
        """Receive and acknowledge what a consumer asks for; it is made where it is not there."""
        found = (self.streams or {}).get(stream)
        if found is None or self.is_paused:
            return
        reader = found.consumers.setdefault(consumer, Consumer(filter, deliver))
        if reader.deliver != "all":
            return
        reader.acknowledged |= {
            number for number, subject in found.messages.items() if covers([reader.filter], subject)
        }
        if found.retention != "limits":
            found.messages = found.unreceived()

    # What the manager asks.

    async def check(self):
        """Say whether JetStream answers."""
        self.asked += 1
        await asyncio.sleep(0.01)
        if self._running is None or self.is_paused:
            raise JetStreamError("NATS is not there")

    async def streams_answer(self):
        await self.check()
        details = [_detail(name, stream) for name, stream in self.streams.items()]
        accounts = [{"name": "$G", "stream_detail": details}]
        return {"server_id": "S", "streams": len(details), "account_details": accounts}


class Asked:
    """JetStream as the manager is handed it."""

    def __init__(self, nats):
        self._nats = nats

    async def check(self):
        await self._nats.check()

    async def streams(self, _servers):
        return read_streams([await self._nats.streams_answer()])


def _detail(name, stream):
    first = min(stream.messages, default=stream.last + 1)
    consumers = [_consumer(one, consumer, stream) for one, consumer in stream.consumers.items()]
    return {
        "name": name,
        "config": {
            "retention": stream.retention,
            "storage": stream.storage,
            "subjects": list(stream.subjects),
        },
        "state": {"messages": len(stream.messages), "first_seq": first, "last_seq": stream.last},
        "consumer_detail": consumers,
    }


def _consumer(name, consumer, stream):
    asked = {number for number, subject in stream.messages.items() if covers([consumer.filter], subject)}
    pending = asked - consumer.acknowledged if consumer.deliver == "all" else set()
    return {
        "name": name,
        "config": {
            "deliver_policy": consumer.deliver, "ack_policy": "explicit", "filter_subject": consumer.filter,
        },
        "num_pending": len(pending),
        "num_ack_pending": 0,
        "delivered": {"stream_seq": 0},
        "ack_floor": {"stream_seq": 0},
    }  # fmt: skip


def _identity(statefulset):
    """Tell a StatefulSet apart from its other generations, and from one that came in its place."""
    return statefulset["metadata"]["uid"], statefulset["metadata"]["generation"]


def _claim_of(template, name):
    size = template["spec"]["resources"]["requests"]["storage"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "labels": template["metadata"]["labels"],
            "finalizers": ["kubernetes.io/pvc-protection"],
        },
        "spec": {**template["spec"], "volumeName": f"pv-{name}"},
        "status": {"capacity": {"storage": size}},
    }  # fmt: skip
