"""Programs of what users, others and misfortune do, and what has to be true when all is at rest."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from stage_life import NAMESPACE
from stage_nats import NATS

from kubeloop.client.answers import refusal_from_status
from kubeloop.errors import UnreachableError

DEFINITIONS = {
    "DestinationRule": ("networking.istio.io", "v1beta1", "destinationrules"),
    "ServiceMonitor": ("monitoring.coreos.com", "v1", "servicemonitors"),
}
OBJECTS = ("configmaps", "services", "statefulsets", "secrets", "networkpolicies")
TAMPERED = {
    "configmaps": {"data": {"nats.conf": "broken"}},
    "services": {"spec": {"ports": []}},
    "secrets": {"data": {"auth.conf": "eA=="}},
    "networkpolicies": {"spec": {"ingress": []}},
    "statefulsets": {"spec": {"replicas": 0}},
}
PAUSES = (0.0, 0.0, 0.02, 0.6, 2.5, 200.0)
"""Seconds between two acts: none, in the middle of a pass, of a roll-out, and when all is at rest."""


@dataclass
class World:
    """What users did, as far as it matters for what has to come of it."""

    wish: dict | None = None
    is_deleted: bool = False
    may_lose: bool = False
    """Whether somebody ever gave messages up, or took away what they were in."""

    is_torn_away: bool = False
    """Whether it was deleted in the moment in which somebody had taken our finalizer off it."""

    acts: list = field(default_factory=list)


async def happen(act, life, world):
    """Let one act happen."""
    name, *arguments = act
    world.acts.append(act)
    await globals()[f"_{name}"](life, world, *arguments)


async def _write(life, world, backend, settings, forced):
    if life.eventing() is not None and life.eventing()["metadata"].get("deletionTimestamp"):
        return
    world.wish, world.is_deleted = {"backend": backend, **settings}, False
    world.may_lose |= forced or settings.get("onUndelivered") == "Discard"
    annotations = {"eventing-manager.kyma-project.io/force": "true" if forced else None}
    if life.eventing() is None:
        annotations = {name: value for name, value in annotations.items() if value}
    life.write(backend=backend, annotations=annotations, nats=dict(settings))


async def _replace(life, world, backend, settings):
    if life.eventing() is None or life.eventing()["metadata"].get("deletionTimestamp"):
        return
    world.wish = {"backend": backend, **settings}
    world.may_lose |= settings.get("onUndelivered") == "Discard"
    life.replace(backend=backend, nats=dict(settings))


async def _delete(life, world):
    if life.eventing() is not None:
        world.is_deleted = True
        # Without our finalizer it is gone at once, and nobody knows any more whose the objects are.
        world.is_torn_away = not life.eventing()["metadata"].get("finalizers") and bool(life.left())
    life.delete()


async def _publish(life, _world, stream, retention, subject):
    life.nats.publish(stream, f"orders.{subject}", retention=retention)


async def _consume(life, _world, stream, consumer, subject, deliver):
    life.nats.consume(stream, consumer, filter=subject, deliver=deliver)


async def _remove(life, world, plural):
    if plural == "statefulsets":
        world.may_lose |= is_in_memory(life)
    life.server.remove(plural, f"{NATS}-auth" if plural == "secrets" else NATS)


async def _tamper(life, world, plural):
    if plural == "statefulsets":
        world.may_lose |= is_in_memory(life)
    if plural == "secrets":
        world.may_lose |= is_in_memory(life)
    life.server.change(plural, f"{NATS}-auth" if plural == "secrets" else NATS, TAMPERED[plural])


async def _kill(life, _world):
    await life.kill()
    await life.start()


async def _silence(life, _world, is_silent):
    life.nats.is_paused = is_silent


async def _serve(life, _world, kind, is_served):
    group, version, plural = DEFINITIONS[kind]
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group, "names": {"kind": kind, "plural": plural},
            "versions": [{"name": version, "served": True}],
        },
    }  # fmt: skip
    if is_served:
        life.server.serve(definition)
    else:
        life.server.unserve(definition)


async def _fail(life, world, after, count, how):
    """Let some requests fail, the first of them after a while."""
    left = {"after": after, "count": count}

    async def before(method, path):
        if left["after"]:
            left["after"] -= 1
        elif left["count"]:
            left["count"] -= 1
            if how == "killed":
                life.reborn = asyncio.create_task(_kill(life, world))
                await asyncio.Event().wait()
            raise _failure(how)

    life.server.before = before


def _failure(how):
    match how:
        case "unreachable":
            return UnreachableError("https://stage", "reset")
        case "bug":
            return ZeroDivisionError("bug")
        case _:
            return refusal_from_status({"code": how, "message": "not now"}, method="", path="")


async def _lag(life, _world, seconds):
    life.server.lag = seconds


async def _pause(life, _world, seconds):
    await life.rest(seconds)


def is_in_memory(life):
    """Tell whether what NATS has now is in memory, or may be."""
    statefulset = life.server.find("statefulsets", NATS)
    return statefulset is not None and not statefulset["spec"].get("volumeClaimTemplates")


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "onUndelivered": st.sampled_from(["Wait", "Wait", "Discard"]),
        "replicas": st.sampled_from([1, 1, 3]),
        "labels": st.sampled_from([{}, {"team": "a"}, {"team": "b"}]),
        "storage": st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["file", "file", "memory"]),
                "size": st.sampled_from(["1Gi", "2Gi"]),
                "reclaimPolicy": st.sampled_from(["Delete", "Retain"]),
            },
        ),
    },
)
BACKENDS = st.sampled_from(["nats", "nats", "eventmesh", "eventmesh"])
STREAMS = st.sampled_from(["a", "b"])
SUBJECTS = st.sampled_from(["orders.1", "orders.*", ">"])
FAILURES = st.sampled_from(["killed", "unreachable", "bug", 409, 429, 500])
PLURALS = st.sampled_from(OBJECTS)


def _act(name, *strategies):
    return st.tuples(st.just(name), *strategies)


ACTS = st.one_of(
    _act("write", BACKENDS, SETTINGS, st.sampled_from([False, False, False, True])),
    _act("write", BACKENDS, st.just({}), st.sampled_from([False])),
    _act("replace", BACKENDS, SETTINGS),
    _act("delete"),
    _act("publish", STREAMS, st.sampled_from(["limits", "workqueue"]), st.integers(1, 2)),
    _act("consume", STREAMS, st.sampled_from(["x", "y"]), SUBJECTS, st.sampled_from(["all", "all", "new"])),
    _act("remove", PLURALS),
    _act("tamper", PLURALS),
    _act("kill"),
    _act("silence", st.booleans()),
    _act("serve", st.sampled_from(sorted(DEFINITIONS)), st.booleans()),
    _act(
        "fail",
        st.integers(0, 20),
        st.integers(1, 6),
        st.sampled_from(["killed", "unreachable", "bug", 409, 429, 500]),
    ),
    _act("lag", st.sampled_from([0.0, 0.05, 4.0])),
    _act("pause", st.sampled_from(PAUSES)),
)
PROGRAMS = st.lists(ACTS, min_size=1, max_size=9)


def many(examples):
    """Return the settings for so many programs; they are short enough to be read as they are."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def faults_at_rest(life, world):
    """Return what is not as it has to be, now that nothing has happened for long."""
    eventing = life.eventing()
    faults = []
    if life.nats.lost and not world.may_lose:
        faults.append(f"messages are lost: {life.nats.lost}")
    if eventing is None:
        return faults + _faults_of_none(life, world)
    state, reason = life.state()
    if state == "stale":
        return [*faults, "the status is of an older generation"]
    if world.is_deleted or world.wish["backend"] == "eventmesh":
        return faults + _faults_of_removal(life, world, state, reason)
    if (state, reason) == ("Ready", "Available"):
        missing = {"statefulsets", "configmaps", "services", "secrets"} - _plurals(life)
        return [*faults, *(f"Ready without {plural}" for plural in missing)]
    if (state, reason) != ("Warning", "VolumesUnfit"):
        faults.append(f"NATS is wanted, and it is {state}, {reason}")
    return faults


def _faults_of_none(life, world):
    if world.wish is not None and not world.is_deleted:
        return ["the Eventing is gone, and nobody deleted it"]
    left = [name for name in life.left() if not name.startswith("PersistentVolumeClaim/")]
    return [f"the Eventing is gone, and {left} is left"] if left and not world.is_torn_away else []


def _faults_of_removal(life, world, state, reason):
    left = [name for name in life.left() if not name.startswith("PersistentVolumeClaim/")]
    expected = "Deleting" if world.is_deleted else "Processing"
    if reason == "UndeliveredMessages":
        return [] if state == expected and left else [f"held back, and {state} with {left}"]
    if world.is_deleted:
        return [f"deleted, and still {state}, {reason}"]
    if (state, reason) != ("Ready", "Available"):
        return [f"NATS is not wanted, and it is {state}, {reason}"]
    return [f"Ready for eventmesh, and {left} is left"] if left else []


def _plurals(life):
    return {plural for (plural, namespace, _) in life.server.objects if namespace == NAMESPACE}


async def calm(life):
    """Let misfortune end, and all come to rest."""

    async def nothing(_method, _path):
        pass

    life.server.before = nothing
    life.server.lag = 0.0
    if life.reborn is not None:
        await life.reborn
    life.nats.is_paused = False
    await life.rest(400)


async def receive_everything(life):
    for stream in list(life.nats.streams or {}):
        life.nats.consume(stream, "last")
    await life.rest(400)
