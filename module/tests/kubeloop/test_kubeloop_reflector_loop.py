"""Nothing but cancellation ends a reflector, and what it follows can be another object at any moment."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager

import pytest
from scripted_client import Failing, ScriptedClient, an_object

from kubeloop.errors import ConfigurationError, ForbiddenError, TooManyRequestsError, UnreachableError
from kubeloop.kinds import CONFIG_MAP
from kubeloop.logs import JSONFormatter, Repeats
from kubeloop.queue import Backoff
from kubeloop.reflector import Reflector, ReflectorTimings
from kubeloop.resource import ObjectKey

pytestmark = pytest.mark.looptime

EACH_FIVE_SECONDS = ReflectorTimings(retry=Backoff(base=5, maximum=5, jitter=0))
A, B = ObjectKey("default", "a"), ObjectKey("elsewhere", "b")


@asynccontextmanager
async def running(reflector: Reflector):
    task = asyncio.create_task(reflector.run())
    yield task
    assert not task.done(), "the reflector ended"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def names_of(reflector: Reflector) -> set[str]:
    return {obj["metadata"]["name"] for obj in reflector.all()}


def now() -> float:
    return asyncio.get_running_loop().time()


async def turns_of_the_loop(number: int = 10) -> None:
    """Let everything go on that waits for nothing."""
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("https://nowhere", "refused"),
        ConfigurationError("the token file cannot be read"),
        ValueError("'a/b' cannot be the name of a Secret"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        KeyError("metadata"),
        RecursionError("too deep"),
        TimeoutError(),
        ExceptionGroup("several", [ValueError("one")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_a_list_raises_it_is_listed_anew(error):
    client = ScriptedClient(an_object("a"), lists=(error, error))
    reflector = Reflector(client, CONFIG_MAP)

    async with running(reflector):
        await asyncio.sleep(60)

    assert names_of(reflector) == {"a"}


async def test_whatever_an_event_leads_to_everything_is_listed_anew():
    def transform(obj):
        return {"metadata": obj["metadata"]} if "bad" not in obj else obj["no such key"]

    client = ScriptedClient(an_object("a"))
    reflector = Reflector(client, CONFIG_MAP, transform=transform)

    async with running(reflector):
        await asyncio.sleep(60)
        client.tell(an_object("b") | {"bad": True})
        await asyncio.sleep(60)

    assert (len(client.listed), names_of(reflector)) == (2, {"a"})


async def test_who_fails_to_take_note_of_one_change_hears_of_the_others(caplog):
    heard = []

    def on_change(_old, new):
        heard.append(new["metadata"]["name"])
        if new["metadata"]["name"] == "a":
            raise LookupError("a bug")

    reflector = Reflector(ScriptedClient(an_object("a"), an_object("b")), CONFIG_MAP, on_change=on_change)

    async with running(reflector):
        await asyncio.sleep(60)

    assert heard == ["a", "b"]
    assert names_of(reflector) == {"a", "b"}
    (record,) = [record for record in caplog.records if record.exc_info]
    assert json.loads(JSONFormatter().format(record))["object"] == "default/a"


def lines_of(caplog, message: str) -> list[dict]:
    return [
        json.loads(JSONFormatter().format(record))
        for record in caplog.records
        if record.getMessage() == message
    ]


async def test_a_failure_is_logged_with_its_class(caplog):
    reflector = Reflector(Failing(ConfigurationError("no token")), CONFIG_MAP)

    async with running(reflector):
        await asyncio.sleep(1)

    line = lines_of(caplog, "watch failed")[0]
    assert (line["errorClass"], line["error"]) == ("ConfigurationError", "no token")
    assert "stacktrace" not in line
    assert reflector.last_error == "ConfigurationError: no token"


async def test_what_nobody_raised_on_purpose_is_logged_with_where_it_happened(caplog):
    async with running(Reflector(Failing(KeyError("metadata")), CONFIG_MAP)):
        await asyncio.sleep(1)

    assert "scripted_client.py" in lines_of(caplog, "watch failed")[0]["stacktrace"]


async def test_the_same_failure_is_logged_each_ten_minutes_with_how_often_it_was(caplog):
    client = Failing(ConfigurationError("no token"))

    async with running(Reflector(client, CONFIG_MAP, timings=EACH_FIVE_SECONDS)):
        await asyncio.sleep(3599)

    assert [line["times"] for line in lines_of(caplog, "watch failed")] == [1, 120, 120, 120, 120, 120]
    assert len(client.listed) == 720


async def test_that_it_works_again_is_logged(caplog):
    caplog.set_level(logging.INFO)
    client = ScriptedClient(lists=(ConfigurationError("no token"),) * 3)

    async with running(Reflector(client, CONFIG_MAP, timings=EACH_FIVE_SECONDS)):
        await asyncio.sleep(20)
        client.tell(an_object("a"))
        await asyncio.sleep(1)

    assert [line["failures"] for line in lines_of(caplog, "watch works again")] == [3]


def test_what_is_told_seldom_is_told_at_once_where_it_is_new():
    repeats = Repeats(pause=600)

    told = [repeats.times(what, now) for what, now in [("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 600)]]

    assert told == [1, 1, 0, 0, 2]


def test_what_is_told_once_each_is_not_remembered_for_ever():
    repeats = Repeats(pause=600)

    for second in range(5000):
        assert repeats.times(f"failure {second}", second) == 1

    assert len(repeats._told) <= 1201


async def test_what_is_forbidden_is_tried_soon_for_new_rights_and_then_twice_a_minute():
    refused = ForbiddenError(403, "Forbidden", "", method="GET", path="/")
    timings = ReflectorTimings(forbidden=Backoff(base=0.1, maximum=30, jitter=0))
    client = Failing(refused)

    async with running(Reflector(client, CONFIG_MAP, timings=timings)):
        await asyncio.sleep(3600)

    pauses = [later - earlier for earlier, later in zip(client.times, client.times[1:], strict=False)]
    assert pauses[0] == pytest.approx(0.1)
    assert pauses[-1] == pytest.approx(30)


async def test_watches_that_end_as_soon_as_they_are_opened_are_not_opened_all_the_time():
    class ShortWatches(ScriptedClient):
        async def watch(self, _kind, **_selection):
            self.open_watches += 1
            for nothing in ():
                yield nothing

    client = ShortWatches()

    async with running(Reflector(client, CONFIG_MAP, timings=EACH_FIVE_SECONDS)):
        await asyncio.sleep(59)

    assert (client.open_watches, len(client.listed)) == (12, 12)


@pytest.mark.parametrize(("asked", "waited"), [(7, 7), (86400, 60)])
async def test_a_busy_server_is_left_alone_as_it_asks_but_not_for_ever(asked, waited):
    busy = TooManyRequestsError(429, "TooManyRequests", "", method="GET", path="/", retry_after=asked)
    client = ScriptedClient(lists=(busy,))
    timings = ReflectorTimings(retry=Backoff(base=1, maximum=1, jitter=0))

    async with running(Reflector(client, CONFIG_MAP, timings=timings)):
        await asyncio.sleep(3600)

    assert client.times == [0, waited]


async def test_to_wait_as_the_server_asks_is_not_to_be_stuck():
    busy = TooManyRequestsError(429, "TooManyRequests", "", method="GET", path="/", retry_after=86400)
    reflector = Reflector(Failing(busy), CONFIG_MAP, timings=ReflectorTimings(inactivity=1))
    seen = []

    async with running(reflector):
        for _ in range(600):
            await asyncio.sleep(1)
            seen.append(reflector.is_stuck(now()))

    assert not any(seen)


async def test_a_reflector_follows_one_object_by_its_name():
    client = ScriptedClient(an_object("a"), an_object("b"))
    reflector = Reflector(client, CONFIG_MAP)
    reflector.follow(A)

    async with running(reflector):
        await reflector.synced.wait()

    assert client.listed == [(0, "metadata.name=a")]
    assert names_of(reflector) == {"a"}


async def test_it_is_aimed_at_another_object_in_the_middle_of_a_list():
    never = asyncio.Event()
    client = ScriptedClient(an_object("a"), an_object("b"), lists=(never,))
    reflector = Reflector(client, CONFIG_MAP)
    reflector.follow(A)

    async with running(reflector):
        await turns_of_the_loop()
        reflector.follow(B)
        await reflector.synced.wait()
        never.set()
        await turns_of_the_loop()

    assert [selector for _, selector in client.listed] == ["metadata.name=a", "metadata.name=b"]
    assert names_of(reflector) == {"b"}


async def test_it_is_aimed_at_another_object_in_the_middle_of_a_watch():
    client = ScriptedClient(an_object("a"), an_object("b"))
    told = []
    reflector = Reflector(
        client,
        CONFIG_MAP,
        on_change=lambda old, new: told.append(tuple(obj and obj["metadata"]["name"] for obj in (old, new))),
    )
    reflector.follow(A)

    async with running(reflector):
        await reflector.synced.wait()
        await turns_of_the_loop()
        reflector.follow(B)
        left = (names_of(reflector), reflector.synced.is_set())
        await reflector.synced.wait()
        await turns_of_the_loop()
        client.tell(an_object("a", "11"), field_selector="metadata.name=a")
        client.tell(an_object("b", "11"), field_selector="metadata.name=b")
        await turns_of_the_loop()

    assert left == (set(), False)
    assert client.open_watches == 0
    assert told == [(None, "a"), ("a", None), (None, "b"), ("b", "b")]


async def test_it_is_aimed_at_another_object_while_it_waits_after_a_failure():
    client = ScriptedClient(an_object("b"), lists=(ConfigurationError("no token"),))
    reflector = Reflector(
        client, CONFIG_MAP, timings=ReflectorTimings(retry=Backoff(base=60, maximum=60, jitter=0))
    )
    reflector.follow(A)

    async with running(reflector):
        await asyncio.sleep(1)
        reflector.follow(B)
        await reflector.synced.wait()

        assert now() == 1
    assert names_of(reflector) == {"b"}


async def test_aimed_at_nothing_it_asks_for_nothing_and_lacks_nothing():
    client = ScriptedClient(an_object("a"))
    reflector = Reflector(client, CONFIG_MAP)
    reflector.follow(None)

    async with running(reflector):
        await asyncio.sleep(3600)
        seen = (reflector.synced.is_set(), reflector.is_stuck(now()), reflector.unsynced_since)

    assert (client.listed, seen) == ([], (True, False, None))


async def test_aimed_at_nothing_later_it_forgets_what_it_has_and_is_aimed_again():
    client = ScriptedClient(an_object("a"))
    reflector = Reflector(client, CONFIG_MAP)
    reflector.follow(A)

    async with running(reflector):
        await asyncio.sleep(1)
        reflector.follow(None)
        left = names_of(reflector)
        await asyncio.sleep(3600)
        watches = client.open_watches
        reflector.follow(A)
        await asyncio.sleep(1)

        assert (left, watches, names_of(reflector)) == (set(), 0, {"a"})
    assert client.times == [0, 3601]


async def test_aimed_at_what_it_follows_it_goes_on():
    client = ScriptedClient(an_object("a"))
    reflector = Reflector(client, CONFIG_MAP)
    reflector.follow(A)

    async with running(reflector):
        for _ in range(5):
            await asyncio.sleep(1)
            reflector.follow(A)

    assert len(client.listed) == 1


async def test_of_several_aims_at_once_the_last_counts():
    client = ScriptedClient(an_object("a"), an_object("b"))
    reflector = Reflector(client, CONFIG_MAP)
    reflector.follow(A)

    async with running(reflector):
        await asyncio.sleep(1)
        for key in (B, None, A, B):
            reflector.follow(key)
        await asyncio.sleep(1)

    assert [selector for _, selector in client.listed] == ["metadata.name=a", "metadata.name=b"]
    assert names_of(reflector) == {"b"}


async def test_who_hears_of_a_change_may_aim_it_at_another_object():
    client = ScriptedClient(an_object("a"), an_object("b"))
    reflector = Reflector(
        client, CONFIG_MAP, on_change=lambda old, _new: reflector.follow(B) if old is None else None
    )

    async with running(reflector):
        await asyncio.sleep(1)

        assert names_of(reflector) == {"b"}


@pytest.mark.parametrize("steps", range(12))
async def test_it_is_cancelled_and_aimed_anew_in_any_order(steps):
    reflector = Reflector(ScriptedClient(an_object("a"), an_object("b")), CONFIG_MAP)
    task = asyncio.create_task(reflector.run())
    await turns_of_the_loop(steps)

    reflector.follow(B)
    await turns_of_the_loop(steps % 3)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    reflector.follow(A)
