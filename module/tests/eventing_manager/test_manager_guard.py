"""NATS is removed only when it is known to hold nothing, or when the user accepts the loss."""

from datetime import UTC, datetime

import pytest

from eventing_manager.errors import JetStreamError
from eventing_manager.guard import Guard
from eventing_manager.jetstream import Stream
from eventing_manager.names import FORCE_ANNOTATION, SETTINGS_ANNOTATION
from eventing_manager.reasons import Reason
from eventing_manager.spec import EventingSpec

NOON = datetime(2022, 12, 24, 12, tzinfo=UTC)
STATEFULSET = {"kind": "StatefulSet", "spec": {"replicas": 1}}


class Answering:
    """A JetStream with these streams, or one that cannot be asked."""

    def __init__(self, *undelivered, error=None):
        self._undelivered = undelivered
        self._error = error

    async def streams(self, _servers):
        if self._error:
            raise JetStreamError(self._error)
        return [
            Stream(account="$G", name=f"s{number}", undelivered=undelivered)
            for number, undelivered in enumerate(self._undelivered)
        ]


class Claiming:
    """The claims there are, by the volumes they are bound to."""

    def __init__(self, *volumes):
        self._volumes = volumes

    async def existing(self):
        return [
            {
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": f"data-{ordinal}", "namespace": "n"},
                "spec": {"volumeName": volume} if volume else {},
            }
            for ordinal, volume in enumerate(self._volumes)
        ]


async def judged(jetstream, *volumes, active="nats", annotations=None, statefulset=STATEFULSET, **nats):
    eventing = {
        "metadata": {"name": "e", "namespace": "n", "annotations": annotations or {}},
        "spec": {"backend": {"type": "eventmesh", "nats": nats}},
        "status": {"activeBackend": active},
    }
    return await Guard(jetstream, Claiming(*volumes), clock=lambda: NOON).judge(
        eventing, EventingSpec.parse(eventing), statefulset
    )


async def test_nothing_undelivered_is_no_reason_to_wait():
    verdict = await judged(Answering(0, 0), "pv")

    assert (verdict.allowed, verdict.reason) == (True, Reason.NOTHING_HELD)


async def test_what_is_undelivered_is_counted_by_stream_with_the_ways_out():
    verdict = await judged(Answering(0, 7), "pv")

    assert (verdict.allowed, verdict.reason) == (False, Reason.UNDELIVERED)
    assert "7 in stream $G/s1" in verdict.message
    assert "s0" not in verdict.message
    assert "onUndelivered" in verdict.message
    assert FORCE_ANNOTATION in verdict.message


async def test_of_many_streams_the_fullest_are_counted_one_by_one_and_the_rest_together():
    verdict = await judged(Answering(*range(1, 14)), "pv")

    assert "13 in stream $G/s12" in verdict.message
    assert "$G/s2," not in verdict.message
    assert "6 in 3 more streams" in verdict.message


@pytest.mark.parametrize(("volumes", "allowed"), [((), True), ((None,), True), (("pv",), False)])
async def test_without_the_statefulset_its_volumes_are_taken_to_hold_messages(volumes, allowed):
    verdict = await judged(Answering(), *volumes, statefulset=None)

    assert verdict.allowed is allowed
    assert allowed or "PersistentVolumeClaim n/data-0" in verdict.message


async def test_what_cannot_be_asked_is_taken_to_hold_messages():
    verdict = await judged(Answering(error="no answer"), "pv")

    assert (verdict.allowed, verdict.reason) == (False, Reason.JETSTREAM_SILENT)
    assert "no answer" in verdict.message


@pytest.mark.parametrize(
    ("active", "volumes", "allowed"),
    [
        ("", (), True),
        ("", (None,), True),
        ("", ("pv",), False),
        ("eventmesh", ("pv",), False),
        ("nats", (), False),
    ],
)
async def test_nats_that_never_ran_and_has_no_volume_has_nothing_to_lose(active, volumes, allowed):
    verdict = await judged(Answering(error="no answer"), *volumes, active=active)

    assert verdict.allowed is allowed


@pytest.mark.parametrize(
    ("volumes", "settings", "allowed"),
    [
        (("pv-0", "pv-1"), '{"replicas": 3}', False),
        (("pv-0", None), '{"replicas": 3}', True),
        (("pv-0",), "{}", True),
        (("pv-0", "pv-1"), '{"storage": {"type": "memory"}}', True),
    ],
    ids=["scaled down", "never bound", "asked", "of another"],
)
async def test_a_volume_of_a_server_that_is_not_there_cannot_be_asked(volumes, settings, allowed):
    verdict = await judged(Answering(0), *volumes, annotations={SETTINGS_ANNOTATION: settings})

    assert verdict.allowed is allowed
    assert allowed or (verdict.reason, verdict.drains) == (Reason.JETSTREAM_SILENT, False)
    assert allowed or "PersistentVolumeClaim n/data-1 may hold messages" in verdict.message


async def test_discard_is_not_held_up_by_messages():
    verdict = await judged(Answering(7), "pv", onUndelivered="Discard")

    assert (verdict.allowed, verdict.reason) == (True, Reason.DISCARDED)


async def test_force_is_not_held_up_by_a_silent_nats():
    verdict = await judged(Answering(error="no answer"), "pv", annotations={FORCE_ANNOTATION: "true"})

    assert (verdict.allowed, verdict.reason) == (True, Reason.FORCED)


@pytest.mark.parametrize("time", ["2022-12-24T12:00:00Z", "2022-12-24T12:59:00+01:00"])
async def test_force_applies_from_the_time_it_names(time):
    verdict = await judged(Answering(7), "pv", annotations={FORCE_ANNOTATION: time})

    assert (verdict.allowed, verdict.reason) == (True, Reason.FORCED)
    assert time in verdict.message


async def test_until_then_it_waits_and_says_until_when():
    verdict = await judged(Answering(7), "pv", annotations={FORCE_ANNOTATION: "2022-12-24T12:00:01Z"})

    assert (verdict.allowed, verdict.reason) == (False, Reason.UNDELIVERED)
    assert "from 2022-12-24T12:00:01Z on" in verdict.message


@pytest.mark.parametrize("value", ["yes", "True", "", "10m", "2022-12-24", "2022-12-24T11:00:00"])
async def test_force_by_what_is_neither_true_nor_a_time_with_its_zone_has_no_effect_and_is_named(value):
    verdict = await judged(Answering(7), "pv", annotations={FORCE_ANNOTATION: value})

    assert not verdict.allowed
    assert f"{value!r} is neither true nor a time" in verdict.message


async def test_force_that_is_false_is_as_if_it_were_not_there():
    verdict = await judged(Answering(7), "pv", annotations={FORCE_ANNOTATION: "false"})

    assert verdict == await judged(Answering(7), "pv")
