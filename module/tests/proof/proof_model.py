"""What has to come of what users do: the contract as a small program that knows nothing of the manager."""

from dataclasses import dataclass, field, fields, replace

DESTINATION_RULE = "DestinationRule.networking.istio.io"
SERVICE_MONITOR = "ServiceMonitor.monitoring.coreos.com"
SECRET_OF_EVENTMESH = "Secret kyma-system/eventing-backend"
SERVICE, HEADLESS = "Service kyma-system/eventing-nats", "Service kyma-system/eventing-nats-headless"
CREDENTIALS = "Secret kyma-system/eventing-nats-auth"
CONFIGURATION = "ConfigMap kyma-system/eventing-nats"
POLICY = "NetworkPolicy.networking.k8s.io kyma-system/eventing-nats"
STATEFUL_SET = "StatefulSet.apps kyma-system/eventing-nats"
BUDGET = "PodDisruptionBudget.policy kyma-system/eventing-nats"
OF_NATS = (SERVICE, HEADLESS, CREDENTIALS, CONFIGURATION, POLICY, STATEFUL_SET)

LOG, WORK_QUEUE = STREAMS = ("logged", "queued")
"""A stream that keeps what was received, and one that forgets it."""

ASKED_HERE = 1
"""More servers than this are asked by their pods' names, which a manager outside of a pod does not find."""

Message = tuple[str, int]
"""A stream, and the number of a message in it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wish:
    """What a user writes into an Eventing; empty is not written at all."""

    backend: str = "nats"
    speaks_of_nats: bool = True
    reclaim: str = "Delete"
    undelivered: str = "Wait"
    replicas: int = 1
    label: str = ""
    annotation: str = ""
    memory: str = ""
    names_secret: bool = False
    log_level: str = "info"
    is_forced: bool = False

    def __repr__(self):
        said = (
            (one.name, getattr(self, one.name))
            for one in fields(self)
            if getattr(self, one.name) != one.default
        )
        return f"Wish({', '.join(f'{name}={value!r}' for name, value in said)})"

    @property
    def nats(self) -> "Wish":
        """What is said of nats, which is the defaults where nothing is."""
        of_others = replace(self, backend="nats", names_secret=False, log_level="info", is_forced=False)
        return of_others if self.speaks_of_nats else Wish()


@dataclass(slots=True, kw_only=True)
class Eventing:
    """An Eventing that exists."""

    wish: Wish
    is_deleted: bool = False
    had: Wish | None = None
    """The settings of the NATS that it had last."""

    @property
    def wants_nats(self):
        return self.wish.backend == "nats" and not self.is_deleted

    @property
    def gives_volumes_up(self):
        """Whether volumes go with NATS; the volumes of others are not its to remove."""
        return (
            self.had is not None and (self.wish if self.wish.speaks_of_nats else self.had).reclaim == "Delete"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an Eventing has to say; None where the contract leaves it open."""

    states: frozenset[str]
    reasons: frozenset[str]
    active: str | None = None
    names: tuple[str, ...] = ("",)
    """Of which the message has to have one."""

    dependencies: dict[str, bool] | None = None


@dataclass(slots=True, kw_only=True)
class World:
    """The cluster as users and others made it, and as the manager has to have made it at the last rest."""

    eventings: dict[str, Eventing] = field(default_factory=dict)
    served: str = ""
    in_place: Wish | None = None
    """The settings of the NATS that is there."""

    volumes: int = 0
    """Those that are there, which is as many as the servers had that left them."""

    is_settled_of: bool = False
    """Whether what they hold was looked at or given up when NATS went, and counts no more."""

    kept: set[Message] = field(default_factory=set)
    """Messages that were accepted and must still be there."""

    unread: set[Message] = field(default_factory=set)
    published: int = 0
    kinds: set[str] = field(default_factory=set)
    secret: str = ""
    foreign: dict[str, bool] = field(default_factory=dict)
    """Objects of others by names that NATS needs, and whether they may be taken over."""

    finds_peers: bool = True
    """Whether several servers find one another: on a process node whose pods have a root of their own."""

    restless: bool = False
    """Whether there was an act since the last rest whose outcome another act could change."""

    switching: str = ""
    """The Eventing whose backend was changed since, which may be changed again: nothing hangs on it."""

    @property
    def is_in_the_way(self):
        return not all(self.foreign.values())

    @property
    def is_unfit(self):
        """Whether NATS would lose what is on the volumes: they were left by another number of servers."""
        return bool(self.volumes) and self.volumes != self.eventings[self.served].wish.nats.replicas

    @property
    def is_held(self):
        """Whether NATS has to stay though it is not wanted, for the messages that it has or may have."""
        if self.in_place is None or self.eventings[self.served].wants_nats:
            return False
        return not self._may_lose and (bool(self.unread) or self.is_silent)

    @property
    def _may_lose(self):
        wish = self.eventings[self.served].wish
        return wish.is_forced or wish.nats.undelivered == "Discard"

    @property
    def is_silent(self):
        """Whether JetStream cannot be asked."""
        return self.in_place is not None and self.in_place.replicas > ASKED_HERE

    @property
    def is_reachable(self):
        """Whether clients get through to JetStream."""
        return self.in_place is not None and (self.finds_peers or self.in_place.replicas == 1)

    @property
    def takes_messages(self):
        """Whether NATS accepts messages, which it does not once it is to go."""
        return self.is_reachable and self.eventings[self.served].wants_nats

    def settle(self):
        """Come to rest, as the manager has to."""
        self.restless, self.switching = False, ""
        for name in [name for name, one in self.eventings.items() if one.is_deleted and name != self.served]:
            del self.eventings[name]
        self.served = self.served or next(iter(self.eventings), "")
        if not self.served:
            return
        eventing = self.eventings[self.served]
        if eventing.wants_nats:
            self._provide(eventing)
            return
        if self.in_place is None and self.volumes and eventing.gives_volumes_up:
            # Volumes that were to stay are to go now: NATS comes back, to be asked for what is on them.
            self.in_place = None if self.is_settled_of or self._may_lose else eventing.had
        if not self.is_held:
            self._remove(eventing)

    def _provide(self, eventing):
        self.is_settled_of = False
        if self.is_in_the_way or self.is_unfit:
            return
        self.in_place = eventing.had = eventing.wish.nats
        self.volumes = self.in_place.replicas
        self.foreign.clear()

    def _remove(self, eventing):
        self.is_settled_of = not eventing.is_deleted and (self.is_settled_of or self.in_place is not None)
        self.in_place = None
        if eventing.gives_volumes_up:
            self.volumes = 0
            self.kept.clear()
            self.unread.clear()
        if eventing.is_deleted:
            del self.eventings[self.served]
            self.served = ""
            self.settle()

    def expected(self, name):
        """Return what an Eventing has to say at rest."""
        eventing = self.eventings[name]
        if name != self.served:
            return _expect("Warning", "AnotherIsServed", active="", names=(f"/{self.served}",))
        if not eventing.wants_nats:
            return self._held(eventing) if self.in_place else self._without_nats(eventing.wish)
        if self.in_place is None and self.is_unfit:
            names = tuple(f"data-eventing-nats-{n}" for n in range(self.volumes))
            return _expect("Warning", "VolumesUnfit", names=names)
        if self.in_place is None:
            return _expect(
                {"Warning", "Error"}, "ForeignObject", names=tuple(_plain(obj) for obj in self.foreign)
            )
        found = {kind: kind in self.kinds for kind in (DESTINATION_RULE, SERVICE_MONITOR)}
        if not self.is_reachable:
            return _expect("Processing", {"NotReady", "JetStreamSilent"}, dependencies=found)
        return _expect("Ready", "Available", active="nats", dependencies=found)

    def _held(self, eventing):
        if self.is_silent:
            return _expect("Warning", "JetStreamSilent")
        counts = {stream: sum(one == stream for one, _ in self.unread) for stream, _ in self.unread}
        names = tuple(f"{count} in stream $G/{stream}" for stream, count in counts.items())
        return _expect(
            "Deleting" if eventing.is_deleted else "Processing", "UndeliveredMessages", names=names
        )

    def _without_nats(self, wish):
        if not wish.names_secret:
            return _expect("Ready", "Available", active="eventmesh", dependencies={})
        found = {SECRET_OF_EVENTMESH: self.secret == "good"}
        reason = {"": "SecretMissing", "malformed": "SecretMalformed", "good": "Available"}[self.secret]
        state = "Ready" if self.secret == "good" else "Warning"
        return _expect(state, reason, active="eventmesh", dependencies=found)

    def objects(self):
        """Return the names of all objects that there have to be beside those of an empty cluster."""
        names = [f"Eventing.operator.kyma-project.io kcp-system/{name}" for name in self.eventings]
        names += [f"PersistentVolumeClaim kyma-system/data-eventing-nats-{n}" for n in range(self.volumes)]
        names += ["PersistentVolume by chance"] * bool(self.volumes)
        names += [SECRET_OF_EVENTMESH] * bool(self.secret)
        names += self.foreign
        if self.in_place:
            names += [*OF_NATS, *(f"{kind} kyma-system/eventing-nats" for kind in self.kinds)]
            names += [BUDGET] * (self.in_place.replicas > 1)
        return set(names)


def _expect(states, reasons, **others):
    return Expected(states=_set(states), reasons=_set(reasons), **others)


def _set(words):
    return frozenset({words} if isinstance(words, str) else words)


def _plain(obj):
    """Return the kind without its group and the name, as messages have them."""
    kind, _, name = obj.partition(" ")
    return f"{kind.partition('.')[0]} {name}"
