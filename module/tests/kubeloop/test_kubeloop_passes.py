"""A controller runs its reconciler on keys, with retries."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager

import pytest

from kubeloop.controller import Controller, Result
from kubeloop.errors import (
    TerminalError,
    TooManyRequestsError,
    UnreachableError,
    api_error_class,
    is_transient,
)
from kubeloop.logs import JSONFormatter, get_logger
from kubeloop.queue import Backoff
from kubeloop.resource import Kind, ObjectKey

pytestmark = pytest.mark.looptime

KEY = ObjectKey("default", "one")


class Script:
    """A reconciler that answers as it is told, the last answer again and again, and notes when it ran."""

    def __init__(self, *answers: Result | Exception) -> None:
        self._answers = list(answers)
        self.passes: list[tuple[ObjectKey, float]] = []

    async def __call__(self, key: ObjectKey) -> Result:
        self.passes.append((key, asyncio.get_running_loop().time()))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def times(self) -> list[float]:
        return [time for _, time in self.passes]


@asynccontextmanager
async def running(controller: Controller):
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(controller.run())
        yield
        controller.stop()


def a_controller(reconcile, **settings) -> Controller:
    return Controller("test", reconcile, backoff=Backoff(base=1, maximum=60, jitter=0), **settings)


async def test_a_key_that_went_well_is_left_alone():
    script = Script(Result())
    controller = a_controller(script)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(1000)

    assert script.passes == [(KEY, 0)]


async def test_a_failed_pass_is_retried_with_growing_delays():
    script = Script(ValueError("1"), ValueError("2"), ValueError("3"), Result())
    controller = a_controller(script)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(1000)

    assert script.times == [0, 1, 3, 7]


@pytest.mark.parametrize(("asked", "waited"), [(30, 30), (86400, 60)])
async def test_a_busy_api_server_is_left_alone_as_it_asks_but_not_for_ever(asked, waited):
    busy = TooManyRequestsError(429, "TooManyRequests", "", method="GET", path="/", retry_after=asked)
    script = Script(busy, busy, Result())
    controller = a_controller(script)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(1000)

    assert script.times == [0, waited, 2 * waited]


@pytest.mark.parametrize(
    ("status", "reason", "passes_by"),
    [
        (400, "BadRequest", False),
        (403, "Forbidden", False),
        (404, "NotFound", False),
        (409, "Conflict", True),
        (409, "AlreadyExists", True),
        (410, "Expired", True),
        (422, "Invalid", False),
        (429, "TooManyRequests", True),
        (500, "InternalError", True),
        (503, "ServiceUnavailable", True),
        (504, "Timeout", True),
    ],
)
def test_an_answer_of_the_api_server_is_transient_where_the_same_request_may_work_later(
    status, reason, passes_by
):
    error = api_error_class(status, reason)(status, reason, "", method="GET", path="/")

    assert is_transient(error) is passes_by


def test_no_answer_is_transient_and_a_mistake_in_the_program_is_not():
    assert is_transient(UnreachableError("https://server", "timed out"))
    assert not is_transient(ValueError())


async def test_a_terminal_error_is_not_retried():
    script = Script(TerminalError("no such backend"))
    controller = a_controller(script)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(1000)

    assert script.times == [0]


async def test_a_terminal_error_does_not_outlast_a_change():
    script = Script(TerminalError("no such backend"), Result())
    controller = a_controller(script)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(10)
        controller.enqueue(KEY)
        await asyncio.sleep(1000)

    assert script.times == [0, 10]


async def test_a_result_asks_for_a_pass_later():
    script = Script(Result(requeue_after=30), Result())
    controller = a_controller(script)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(1000)

    assert script.times == [0, 30]


async def test_one_key_is_never_worked_on_by_two_workers():
    at_once = most = 0

    async def reconcile(_key: ObjectKey) -> Result:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        controller.enqueue(KEY)
        await asyncio.sleep(1)
        at_once -= 1
        return Result()

    controller = a_controller(reconcile, workers=4)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(100)

    assert most == 1


async def test_different_keys_are_worked_on_side_by_side():
    ended: list[float] = []

    async def reconcile(_key: ObjectKey) -> Result:
        await asyncio.sleep(10)
        ended.append(asyncio.get_running_loop().time())
        return Result()

    controller = a_controller(reconcile, workers=3)

    async with running(controller):
        for name in "abc":
            controller.enqueue(ObjectKey("default", name))
        await asyncio.sleep(100)

    assert ended == [10, 10, 10]


async def test_stopping_lets_the_running_pass_finish_and_starts_no_other():
    finished: list[str] = []

    async def reconcile(key: ObjectKey) -> Result:
        await asyncio.sleep(10)
        finished.append(key.name)
        return Result()

    controller = a_controller(reconcile)

    async with running(controller):
        controller.enqueue(ObjectKey("default", "a"))
        controller.enqueue(ObjectKey("default", "b"))
        await asyncio.sleep(1)

    assert finished == ["a"]


async def test_it_tells_since_when_the_oldest_pass_runs_and_on_what():
    ends = {name: asyncio.Event() for name in "ab"}

    async def reconcile(key: ObjectKey) -> Result:
        await ends[key.name].wait()
        return Result()

    def oldest():
        return controller.oldest_pass(asyncio.get_running_loop().time()), controller.oldest_key()

    controller = a_controller(reconcile, workers=2)
    seen = [oldest()]

    async with running(controller):
        for name in "ab":
            controller.enqueue(ObjectKey("default", name))
            await asyncio.sleep(10)
        for name in "ab":
            seen.append(oldest())
            ends[name].set()
            await asyncio.sleep(10)
        seen.append(oldest())

    assert seen == [
        (None, None), (20, ObjectKey("default", "a")), (20, ObjectKey("default", "b")), (None, None),
    ]  # fmt: skip


async def test_a_pass_that_failed_runs_no_more():
    controller = a_controller(Script(ValueError("1"), Result()))

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(0.5)

        assert controller.oldest_pass(asyncio.get_running_loop().time()) is None


async def test_lines_logged_in_a_pass_say_which_pass(caplog):
    caplog.set_level(logging.INFO)

    async def reconcile(_key: ObjectKey) -> Result:
        get_logger("test").info("reconciling", flags={"backend": {"type": "nats"}}, backend="nats")
        return Result()

    kind = Kind.parse("operator.kyma-project.io/v1alpha1", "Eventing")
    controller = a_controller(reconcile, kind=kind)

    async with running(controller):
        controller.enqueue(KEY)
        await asyncio.sleep(1)

    (record,) = [record for record in caplog.records if record.getMessage() == "reconciling"]
    line = json.loads(JSONFormatter().format(record))
    assert line.pop("reconcileID")
    assert list(line.items())[2:] == [
        ("logger", "test"),
        ("message", "reconciling"),
        ("controller", "test"),
        ("controllerGroup", "operator.kyma-project.io"),
        ("controllerKind", "Eventing"),
        ("eventing", {"name": "one", "namespace": "default"}),
        ("namespace", "default"),
        ("name", "one"),
        ("flags", {"backend": {"type": "nats"}}),
        ("backend", "nats"),
    ]
