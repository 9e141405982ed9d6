"""NATS goes only when it is known to hold nothing, or when the user accepts the loss."""

from datetime import datetime

import pytest
from decide_builders import NOON, claim, eventing, holding, seen, statefulset

from eventing_manager.api.names import FORCE_ANNOTATION, SETTINGS_ANNOTATION
from eventing_manager.api.spec import EventingSpec
from eventing_manager.api.status import ConditionType, Reason
from eventing_manager.decide.retire import judge, retire
from eventing_manager.decide.steps import (
    Delete,
    DeleteClaims,
    Keep,
    LetGo,
    LookAgain,
    Note,
    Report,
)
from eventing_manager.observe.observed import Silence, Wish
from kubeloop.applyset import KINDS_ANNOTATION

SILENT = Silence(why="no answer")
IN_MEMORY = '{"storage": {"type": "memory"}}'
DRAINED = (statefulset(draining=True),)


def gone(**spec):
    return eventing(backend="eventmesh", **spec)


@pytest.mark.parametrize(
    ("picture", "allowed", "reason", "drains"),
    [
        # Force and Discard are asked first: whoever gave the messages up waits for nobody.
        (seen(gone(annotations={FORCE_ANNOTATION: "true"}), holdings=SILENT), True, Reason.FORCED, False),
        (seen(gone(nats={"onUndelivered": "Discard"}), members=()), True, Reason.DISCARDED, False),
        # A removal that began goes on; servers that are there again are asked again.
        (seen(gone(drained=("NothingHeld", True)), members=()), True, Reason.NOTHING_HELD, False),
        (
            seen(gone(drained=("NothingHeld", True)), members=DRAINED, holdings=holding(2)),
            False,
            Reason.UNDELIVERED,
            True,
        ),
        (seen(gone(drained=("Evaporated", True)), members=()), True, "Evaporated", False),
        # Without servers the volumes are taken to be full.
        (seen(members=()), False, Reason.NATS_GONE, True),
        (seen(members=(), claims=(claim(bound=False),)), True, Reason.NOTHING_HELD, False),
        (seen(members=(statefulset(deleting=True),)), False, Reason.NATS_GONE, True),
        # What cannot be asked is taken to hold messages.
        (seen(holdings=SILENT), False, Reason.JETSTREAM_SILENT, False),
        (seen(gone(activeBackend=""), holdings=SILENT, claims=()), True, Reason.NOTHING_HELD, False),
        (
            seen(gone(activeBackend=""), holdings=SILENT, claims=(claim(bound=False),)),
            True,
            Reason.NOTHING_HELD,
            False,
        ),
        (seen(gone(activeBackend=""), holdings=SILENT), False, Reason.JETSTREAM_SILENT, False),
        (seen(gone(activeBackend="eventmesh"), holdings=SILENT), False, Reason.JETSTREAM_SILENT, False),
        (seen(holdings=SILENT, claims=()), False, Reason.JETSTREAM_SILENT, False),
        # A server that restarts to drain is silent for a while; one that goes down later is silent.
        (
            seen(
                gone(drained=("Draining", False)),
                members=(statefulset(draining=True, ready=False),),
                holdings=SILENT,
            ),
            False,
            Reason.DRAINING,
            True,
        ),
        (
            seen(
                gone(drained=("UndeliveredMessages", False)),
                members=(statefulset(draining=True, ready=False),),
                holdings=SILENT,
            ),
            False,
            Reason.JETSTREAM_SILENT,
            True,
        ),
        # No look counts before every server drains.
        (seen(holdings=holding(0)), False, Reason.DRAINING, True),
        (seen(holdings=holding(3)), False, Reason.DRAINING, True),
        (
            seen(members=(statefulset(draining=True, ready=False),), holdings=holding(3)),
            False,
            Reason.DRAINING,
            True,
        ),
        (seen(members=DRAINED, holdings=holding(3)), False, Reason.UNDELIVERED, True),
        (seen(members=DRAINED, holdings=holding(0, 0)), True, Reason.NOTHING_HELD, False),
        # Messages in memory are received before a restart loses them.
        (seen(holdings=holding(3, in_memory=True)), False, Reason.UNDELIVERED, False),
        (seen(members=DRAINED, holdings=holding(3, in_memory=True)), False, Reason.UNDELIVERED, True),
        # A NATS that has nothing but memory does not restart at all.
        (
            seen(gone(note=IN_MEMORY), members=(statefulset(size=""),), claims=(), holdings=holding(0)),
            True,
            Reason.NOTHING_HELD,
            False,
        ),
        (
            seen(gone(note=IN_MEMORY), members=(statefulset(size=""),), claims=(), holdings=holding(1)),
            False,
            Reason.UNDELIVERED,
            False,
        ),
        # The volume of a server that someone scaled away cannot be asked.
        (
            seen(members=DRAINED, claims=(claim(), claim(1)), holdings=holding(0)),
            False,
            Reason.JETSTREAM_SILENT,
            True,
        ),
        (
            seen(members=DRAINED, claims=(claim(), claim(1, bound=False)), holdings=holding(0)),
            True,
            Reason.NOTHING_HELD,
            False,
        ),
        (
            seen(gone(note=IN_MEMORY), members=(statefulset(size=""),), holdings=holding(0)),
            True,
            Reason.NOTHING_HELD,
            False,
        ),
    ],
)
def test_whether_nats_may_go(picture, allowed, reason, drains):
    verdict = judge(picture)

    assert (verdict.allowed, verdict.reason, verdict.drains) == (allowed, reason, drains)


@pytest.mark.parametrize("members", [(), (statefulset(deleting=True),)])
def test_retained_volumes_need_no_verdict_once_the_servers_are_gone(members):
    retained = '{"storage": {"reclaimPolicy": "Retain"}}'

    verdict = judge(seen(gone(note=retained), members=members))

    assert (verdict is None) is (not members)


def test_an_eventing_that_never_had_nats_has_no_say_over_the_volumes_of_another():
    steps = retire(seen(gone(note=None), members=(), is_confirmed=True))

    assert not any(isinstance(step, DeleteClaims) for step in steps)


@pytest.mark.parametrize(
    ("counts", "said", "unsaid"),
    [
        ((0, 7), ["7 in stream $G/s1", "onUndelivered", FORCE_ANNOTATION], "s0"),
        (tuple(range(1, 14)), ["13 in stream $G/s12", "6 in 3 more streams"], "$G/s2,"),
    ],
)
def test_what_is_undelivered_is_counted_by_stream_with_the_ways_out(counts, said, unsaid):
    message = judge(seen(members=DRAINED, holdings=holding(*counts))).message

    assert [part for part in said if part not in message] == []
    assert unsaid not in message


def test_what_no_consumer_asks_for_is_named():
    message = judge(seen(members=DRAINED, holdings=holding(4, gap="no consumer asks for orders.*"))).message

    assert "4 in stream $G/s0 (no consumer asks for orders.*)" in message


@pytest.mark.parametrize("time", ["2022-12-24T12:00:00Z", "2022-12-24T12:59:00+01:00"])
def test_force_applies_from_the_time_it_names(time):
    verdict = judge(seen(gone(annotations={FORCE_ANNOTATION: time}), holdings=holding(7)))

    assert (verdict.allowed, verdict.reason) == (True, Reason.FORCED)
    assert time in verdict.message


def test_until_then_it_waits_and_says_until_when():
    force = gone(annotations={FORCE_ANNOTATION: "2022-12-24T12:00:01Z"})

    verdict = judge(seen(force, members=DRAINED, holdings=holding(7)))

    assert (verdict.allowed, verdict.reason) == (False, Reason.UNDELIVERED)
    assert "from 2022-12-24T12:00:01Z on" in verdict.message


@pytest.mark.parametrize("value", ["yes", "True", "", "10m", "2022-12-24", "2022-12-24T11:00:00"])
def test_force_by_what_is_neither_true_nor_a_time_with_its_zone_has_no_effect_and_is_named(value):
    verdict = judge(seen(gone(annotations={FORCE_ANNOTATION: value}), holdings=holding(7)))

    assert not verdict.allowed
    assert f"{value!r} is neither true nor a time" in verdict.message


def kinds(steps):
    return [type(step) for step in steps]


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (seen(members=DRAINED, holdings=holding(2)), [Keep, Report, LookAgain]),
        (seen(members=(), claims=()), [Report]),
        (seen(members=DRAINED, holdings=()), [Report, Delete]),
        (seen(gone(drained=("NothingHeld", True)), members=(statefulset(deleting=True),)), [Report]),
        (seen(gone(drained=("NothingHeld", True)), members=()), [Report, DeleteClaims]),
        (seen(gone(drained=("NothingHeld", True)), members=(), claims=(claim(deleting=True),)), [Report]),
        (seen(eventing(), wish=Wish.NOTHING, members=(), claims=()), [LetGo]),
        (seen(eventing(), wish=Wish.PAUSE, members=(), claims=()), [Report, LetGo]),
        (seen(gone(annotations={KINDS_ANNOTATION: "Service"}), members=(), claims=()), [Delete, LookAgain]),
        # Who replaced the Eventing took our note off it.
        (seen(gone(note=None), holdings=holding(2)), [Note, LookAgain]),
    ],
)
def test_the_steps_by_which_nats_goes(picture, expected):
    assert kinds(retire(picture)) == expected


def test_the_verdict_is_said_before_the_first_deletion():
    report, delete = retire(seen(members=DRAINED, holdings=()))

    drained = next(one for one in report.report.conditions if one.type == ConditionType.DRAINED)
    assert (drained.holds, drained.reason) == (True, Reason.NOTHING_HELD)
    assert delete.members == DRAINED


def test_what_has_to_stay_is_kept_as_it_was_provisioned_and_not_as_the_spec_says():
    keep, *_ = retire(
        seen(gone(note='{"replicas": 3}', nats={"replicas": 5}), members=DRAINED, holdings=holding(1))
    )

    assert (keep.spec.nats.replicas, keep.draining) == (3, True)


def test_a_note_that_was_lost_is_rebuilt_from_the_servers():
    note, again = retire(
        seen(gone(note=None), members=(statefulset(replicas=3, size="2Gi"),), holdings=holding(1))
    )
    rebuilt = eventing(note=note.settings)

    spec = provisioned(rebuilt)
    assert (spec.replicas, spec.storage.size, again.seconds) == (3, "2Gi", 0)


def provisioned(of):
    nats = of["metadata"]["annotations"][SETTINGS_ANNOTATION]
    return EventingSpec.parse(
        {"spec": {"backend": {"type": "nats", "nats": __import__("json").loads(nats)}}}
    ).nats


@pytest.mark.parametrize(
    ("now", "seconds"),
    [("2022-12-24T11:59:01+00:00", 0.5), ("2022-12-24T12:00:00+00:00", 6), ("2022-12-27T12:00:00+00:00", 30)],
)
def test_what_holds_nats_up_is_looked_at_less_often_the_longer_it_lasts(now, seconds):
    *_, again = retire(
        seen(
            gone(drained=("UndeliveredMessages", False)),
            members=DRAINED,
            holdings=holding(1),
            now=datetime.fromisoformat(now),
        )
    )

    assert again == LookAgain(seconds=seconds)


def test_an_eventing_that_is_deleted_and_was_never_claimed_needs_nothing():
    of = eventing()
    of["metadata"]["finalizers"] = []

    assert retire(seen(of, wish=Wish.NOTHING)) == ()
    assert NOON.tzinfo
