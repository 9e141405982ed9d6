"""A queue hands out keys, not events, each to one worker at a time."""

from __future__ import annotations

import asyncio

import pytest

from kubeloop.errors import QueueClosedError
from kubeloop.queue import Backoff, WorkQueue

pytestmark = pytest.mark.looptime


def a_queue(**backoff: float) -> WorkQueue[str]:
    return WorkQueue(Backoff(**{"base": 1, "maximum": 60, "jitter": 0} | backoff))


async def is_empty_for(queue: WorkQueue[str], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await queue.get()
    except TimeoutError:
        return True
    return False


async def test_keys_come_in_the_order_they_were_added():
    queue = a_queue()
    queue.add("a")
    queue.add("b")

    first, second = await queue.get(), await queue.get()

    assert (first, second) == ("a", "b")


async def test_a_key_added_twice_comes_once():
    queue = a_queue()
    queue.add("a")
    queue.add("a")

    await queue.get()

    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_on_waits_for_that_pass():
    queue = a_queue()
    queue.add("a")
    key = await queue.get()
    queue.add("a")

    assert await is_empty_for(queue, 10)

    queue.done(key)
    assert await queue.get() == "a"


async def test_a_key_that_was_not_added_again_does_not_come_back():
    queue = a_queue()
    queue.add("a")

    queue.done(await queue.get())

    assert await is_empty_for(queue, 1000)


async def test_a_waiting_worker_is_woken_by_a_key():
    queue = a_queue()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(1)

    queue.add("a")

    assert await worker == "a"


async def test_a_delayed_key_comes_when_the_delay_is_over():
    loop = asyncio.get_running_loop()
    queue = a_queue()
    queue.add_after("a", 30)

    await queue.get()

    assert loop.time() == 30


@pytest.mark.parametrize("delays", [(30, 10), (10, 30)])
async def test_of_two_delays_the_earlier_end_counts(delays):
    loop = asyncio.get_running_loop()
    queue = a_queue()
    for delay in delays:
        queue.add_after("a", delay)

    queue.done(await queue.get())

    assert loop.time() == 10
    assert await is_empty_for(queue, 100)


async def test_failures_in_a_row_double_the_delay_up_to_the_maximum():
    queue = a_queue(base=1, maximum=5)

    delays = [queue.add_rate_limited("a") for _ in range(5)]

    assert delays == [1, 2, 4, 5, 5]


async def test_a_success_starts_the_delays_over():
    queue = a_queue(base=1)
    queue.add_rate_limited("a")
    queue.add_rate_limited("a")

    queue.forget("a")

    assert queue.add_rate_limited("a") == 1


async def test_each_key_has_delays_of_its_own():
    queue = a_queue(base=1)
    queue.add_rate_limited("a")

    assert queue.add_rate_limited("b") == 1


async def test_a_closed_queue_hands_out_nothing_not_even_what_waits():
    queue = a_queue()
    queue.add("a")

    queue.close()

    with pytest.raises(QueueClosedError):
        await queue.get()


async def test_closing_ends_the_wait_of_every_worker():
    queue = a_queue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(1)

    queue.close()

    results = await asyncio.gather(*workers, return_exceptions=True)
    assert [type(result) for result in results] == [QueueClosedError] * 3


async def test_a_closed_queue_takes_no_keys():
    queue = a_queue()
    queue.close()

    queue.add("a")
    queue.add_after("b", 1)
    await asyncio.sleep(2)

    assert len(queue) == 0


def test_jitter_adds_its_share_of_the_delay_at_most():
    backoff = Backoff(base=10, maximum=10, jitter=0.5)

    delays = [backoff.delay(1) for _ in range(200)]

    assert all(10 <= delay <= 15 for delay in delays)
    assert len(set(delays)) > 1


def test_any_number_of_failures_gives_a_delay():
    assert Backoff(base=1, maximum=60, jitter=0).delay(100_000) == 60
