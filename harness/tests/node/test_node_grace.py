"""A grace cuts off what is waited for, and may be shortened meanwhile. All times are the loop's."""

import asyncio

import pytest

from kyma_harness.node.grace import Grace

pytestmark = pytest.mark.looptime


def now():
    return asyncio.get_running_loop().time()


def later(seconds, call, *arguments):
    asyncio.get_running_loop().call_later(seconds, call, *arguments)


async def over(grace, **options):
    """Return after how many seconds a block that waits for ever was cut off."""
    begun = now()
    async with grace.until_over(**options):
        await asyncio.sleep(1000)
    return now() - begun


async def test_what_is_waited_for_is_cut_off_when_an_end_is_asked_for():
    grace, begun = Grace(), now()
    later(5, grace.ask, 30)

    async with grace.until_asked():
        await asyncio.sleep(1000)

    assert now() - begun == 5
    assert grace.is_asked
    assert grace.left == 30


async def test_what_ends_by_itself_is_not_cut_off():
    grace = Grace()

    async with grace.until_asked():
        await asyncio.sleep(5)

    assert not grace.is_asked


async def test_who_comes_after_the_asking_gets_no_further_than_the_first_wait():
    grace, reached = Grace(), []
    grace.ask(30)

    async with grace.until_asked():
        reached.append("before")
        await asyncio.sleep(0.1)
        reached.append("after")

    assert reached == ["before"]


async def test_a_block_lasts_until_the_grace_is_over():
    grace = Grace()
    grace.ask(30)

    assert await over(grace) == 30


async def test_a_grace_is_shortened_while_it_runs_and_never_prolonged():
    grace = Grace()
    grace.ask(30)
    later(10, grace.ask, 3)
    later(11, grace.ask, 100)

    assert await over(grace) == 13


async def test_a_block_lasts_its_shortest_time_however_little_is_left():
    grace = Grace()
    grace.ask(30)
    await asyncio.sleep(29.5)

    assert await over(grace, at_least=2) == 2


async def test_the_shortest_time_begins_anew_with_a_shorter_grace():
    grace = Grace()
    grace.ask(30)
    later(10, grace.ask, 0)

    assert await over(grace, at_least=2) == 12


async def test_a_time_limit_of_somebody_else_is_not_taken_for_the_grace():
    grace = Grace()
    grace.ask(30)

    with pytest.raises(TimeoutError):
        async with grace.until_over():
            raise TimeoutError


async def test_a_cancellation_from_outside_goes_through():
    grace = Grace()

    async def wait():
        async with grace.until_asked():
            await asyncio.sleep(1000)

    task = asyncio.create_task(wait())
    await asyncio.sleep(1)
    grace.ask(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
