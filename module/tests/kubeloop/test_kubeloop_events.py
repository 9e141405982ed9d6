"""Events are told once and counted, and what the API server refuses of them costs nobody anything."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kubeloop.errors import ForbiddenError, NotFoundError
from kubeloop.events import EventRecorder

START = datetime(2022, 12, 24, 12, tzinfo=UTC)


def a_refusal(kind):
    return kind(403, "Some", "words", method="POST", path="/x")


class Server:
    """Keep Events; ``refusals`` are raised first, by method."""

    def __init__(self):
        self.events, self.refusals = {}, {"create": [], "patch": []}

    async def create(self, event):
        self._refuse("create")
        self.events[event["metadata"]["name"]] = event
        return event

    async def merge_patch(self, _kind, name, patch, *, namespace):
        self._refuse("patch")
        if name not in self.events:
            raise a_refusal(NotFoundError)
        assert self.events[name]["metadata"]["namespace"] == namespace
        self.events[name] |= patch

    def _refuse(self, method):
        if self.refusals[method]:
            raise self.refusals[method].pop()

    @property
    def told(self):
        return [(event["message"], event["count"]) for event in self.events.values()]


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def events(server):
    return EventRecorder(server, "painter", host="here", clock=Clock())


def a_pod(name="web", **metadata):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", **metadata},
    }


async def test_an_event_says_of_what_it_is_and_who_says_it(server, events):
    await events.write(a_pod(resourceVersion="7"), "Warning", "Dry", "no paint", field="spec.containers{web}")

    (event,) = server.events.values()
    assert event["involvedObject"] == {
        "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web", "uid": "uid-web",
        "resourceVersion": "7", "fieldPath": "spec.containers{web}",
    }  # fmt: skip
    assert event["source"] == {"component": "painter", "host": "here"}
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "Dry", "no paint")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2022-12-24T12:00:00Z"


async def test_the_same_again_is_counted(server):
    clock = Clock()
    events = EventRecorder(server, "painter", clock=clock)

    await events.write(a_pod(), "Normal", "Painted", "red")
    clock.now += timedelta(seconds=5)
    await events.write(a_pod(), "Normal", "Painted", "red")

    (event,) = server.events.values()
    assert (event["count"], event["lastTimestamp"]) == (2, "2022-12-24T12:00:05Z")
    assert event["firstTimestamp"] == "2022-12-24T12:00:00Z"


@pytest.mark.parametrize(
    "other",
    [
        (a_pod(), "Warning", "Painted", "red"),
        (a_pod(), "Normal", "Tinted", "red"),
        (a_pod(), "Normal", "Painted", "blue"),
        (a_pod("api"), "Normal", "Painted", "red"),
        (a_pod(uid="uid-of-its-successor"), "Normal", "Painted", "red"),
    ],
)
async def test_what_differs_in_anything_is_another_event(server, events, other):
    await events.write(a_pod(), "Normal", "Painted", "red")
    await events.write(*other)

    assert [count for _, count in server.told] == [1, 1]


async def test_one_that_the_api_server_keeps_no_longer_is_told_anew(server, events):
    await events.write(a_pod(), "Normal", "Painted", "red")
    server.events.clear()

    await events.write(a_pod(), "Normal", "Painted", "red")
    await events.write(a_pod(), "Normal", "Painted", "red")

    assert server.told == [("red", 2)]


@pytest.mark.parametrize("method", ["create", "patch"])
async def test_a_refusal_fails_nobody_and_the_next_one_is_told(server, events, method):
    if method == "patch":
        await events.write(a_pod(), "Normal", "Painted", "red")
    server.refusals[method].append(a_refusal(ForbiddenError))

    await events.write(a_pod(), "Normal", "Painted", "red")
    await events.write(a_pod(), "Normal", "Painted", "red")

    assert server.told == [("red", 2 if method == "patch" else 1)]


async def test_what_has_no_namespace_is_told_of_in_the_default_one(server, events):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one", "uid": "uid-one"}}

    await events.write(node, "Normal", "NodeReady", "it is")

    (event,) = server.events.values()
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["involvedObject"]


@pytest.mark.parametrize("name", ["a" * 253, f"{'a' * 234}.-{'b' * 17}"])
async def test_of_an_object_with_the_longest_name_there_are_events_too(server, events, name):
    await events.write(a_pod(name), "Normal", "Painted", "red")

    (event,) = server.events
    assert len(event) <= 253
    assert all(part[:1].isalnum() and part[-1:].isalnum() for part in event.split("."))


async def test_a_message_is_cut_to_what_the_api_server_takes(server, events):
    await events.write(a_pod(), "Normal", "Painted", "r" * 2000)

    assert server.told == [("r" * 1024, 1)]


async def test_what_is_recorded_is_written_in_the_background_in_its_order(server, events):
    for colour in ("red", "red", "blue"):
        events.record(a_pod(), "Normal", "Painted", colour)
    assert server.told == []

    writing = asyncio.create_task(events.run())
    for _ in range(20):
        await asyncio.sleep(0)
    writing.cancel()

    assert server.told == [("red", 2), ("blue", 1)]


async def test_too_many_that_wait_are_dropped_and_nobody_waits_for_them(events, caplog):
    for number in range(1001):
        events.record(a_pod(), "Normal", "Painted", str(number))

    assert "event is lost, as too many wait" in caplog.text
