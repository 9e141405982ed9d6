"""What may happen next in a world: by topic, so that what has many variants is not chosen more often."""

import signal
from itertools import product

from proof_commands import (
    Adopt,
    Create,
    Delete,
    DeleteByHand,
    Edit,
    EditByHand,
    End,
    Install,
    KillAtCall,
    Publish,
    PutForeign,
    PutSecret,
    Receive,
    RemoveForeign,
    SwitchAtOnce,
    Uninstall,
)
from proof_model import (
    CONFIGURATION,
    CREDENTIALS,
    DESTINATION_RULE,
    OF_NATS,
    SERVICE_MONITOR,
    STREAMS,
    Wish,
)

from kyma_harness.faults.plan import Moment

NAMES = ("first", "second")
FOREIGN = (CONFIGURATION, CREDENTIALS)
BACKENDS, RECLAIM, UNDELIVERED = ("nats", "eventmesh"), ("Delete", "Retain"), ("Wait", "Discard")
WISHES = tuple(
    Wish(backend=backend, reclaim=reclaim, undelivered=undelivered)
    for backend, reclaim, undelivered in product(
        ("nats", "eventmesh"), ("Delete", "Retain"), ("Wait", "Discard")
    )
)
GUARD = {"undelivered": ("Wait", "Discard"), "is_forced": (True, False), "reclaim": ("Delete", "Retain")}
LOOKS = {
    "label": ("", "a", "b"),
    "annotation": ("", "a", "b"),
    "memory": ("", "256Mi"),
    "log_level": ("info", "debug"),
    "names_secret": (True, False),
    "speaks_of_nats": (True, False),
}
SECRETS = ("good", "malformed", "")
MANY_SERVERS = 3
MANY_CALLS = 25


def chances(world, *, is_calm):
    """Return the commands of each topic that has any; a topic that is named twice comes more often."""
    topics = [*_of_users(world), *_of_others(world)]
    if world.eventings:
        topics += _of_misfortune(world)
    allowed = ([one for one in topic if _may_happen(one, world, is_calm=is_calm)] for topic in topics)
    return [topic for topic in allowed if topic]


def _of_users(world):
    creations = [Create(name, wish) for name in NAMES if name not in world.eventings for wish in WISHES]
    return [
        *[creations] * (1 if world.eventings else 4),
        *[_messages(world)] * 3,
        *[_edits(world, {"backend": BACKENDS})] * 2,
        *[_at_once(world)] * 4,
        *[[Receive()] * bool(world.unread and world.is_reachable)] * 3,
        _edits(world, GUARD),
        _edits(world, LOOKS),
        _scaling(world),
        [Delete(name) for name, eventing in world.eventings.items() if not eventing.is_deleted],
    ]


def _of_others(world):
    return [
        [*_kinds(world), *(PutSecret(content) for content in SECRETS if content != world.secret)],
        _foreign(world),
    ]


def _of_misfortune(world):
    return [
        [End(signal.SIGKILL), End(signal.SIGTERM)],
        [KillAtCall(number, moment) for number in range(1, MANY_CALLS + 1) for moment in Moment],
        [DeleteByHand(obj) for obj in _owned(world)],
        [EditByHand(obj, part) for obj in _owned(world) for part in ("content", "labels")],
    ]


def _may_happen(command, world, *, is_calm):
    return (is_calm or not command.needs_calm) and not (world.restless and command.needs_rest)


def _edits(world, fields):
    return [
        Edit(name, field, value)
        for name, eventing in world.eventings.items()
        for field, values in fields.items()
        for value in values
        if getattr(eventing.wish, field) != value
        # The API server refuses another number of servers while nats is active.
        if field != "speaks_of_nats" or eventing.wish.replicas == 1 or eventing.wish.backend != "nats"
    ]


def _at_once(world):
    if not world.switching:
        return []
    backend = world.eventings[world.switching].wish.backend
    return [SwitchAtOnce(world.switching, other) for other in BACKENDS if other != backend]


def _scaling(world):
    """More servers than the node can link are wanted the next time, or one again."""
    if world.in_place is not None or not world.served:
        return []
    wish = world.eventings[world.served].wish
    wanted = {1, MANY_SERVERS} - {wish.replicas}
    return [Edit(world.served, "replicas", replicas) for replicas in wanted] * (wish.backend != "nats")


def _messages(world):
    number = world.published
    return [Publish(stream, number, count) for stream in STREAMS for count in (1, 20)] * world.takes_messages


def _kinds(world):
    kinds = (DESTINATION_RULE, SERVICE_MONITOR)
    return [(Uninstall if kind in world.kinds else Install)(kind) for kind in kinds]


def _foreign(world):
    """Others take a name while NATS is not there, and has nothing that it would have to come back for."""
    is_free = world.in_place is None and not world.volumes
    nobody_wants_it = not any(eventing.wants_nats for eventing in world.eventings.values())
    found = [PutForeign(obj) for obj in FOREIGN if obj not in world.foreign and is_free and nobody_wants_it]
    for obj, may_be_adopted in world.foreign.items():
        found += [RemoveForeign(obj)] if may_be_adopted else [Adopt(obj), RemoveForeign(obj)]
    return found


def _owned(world):
    if world.in_place is None:
        return []
    return [*OF_NATS, *(f"{kind} kyma-system/eventing-nats" for kind in sorted(world.kinds))]
