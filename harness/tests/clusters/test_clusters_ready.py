"""What cannot be cleaned up after a failure is told with the failure, and not in its place."""

import asyncio

import pytest

from kubeloop.errors import UnreachableError
from kyma_harness.clusters.errors import CreationError, DockerError
from kyma_harness.clusters.ready import keeping_logs, removing_on_failure

SECOND = [
    DockerError("container x: the Docker daemon stopped answering"),
    UnreachableError("https://cluster", "it went away"),
    OSError("no space left on device"),
]
FIRST = [CreationError("the nodes did not come"), asyncio.CancelledError(), KeyError("a defect")]


async def failing(first, second):
    async def remove():
        raise second

    async with removing_on_failure(remove):
        raise first


@pytest.mark.parametrize("second", SECOND, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("first", FIRST, ids=lambda error: type(error).__name__)
async def test_what_is_raised_is_the_failure_with_what_could_not_be_removed(first, second):
    with pytest.raises(type(first)) as raised:
        await failing(first, second)

    said = "\n".join([str(raised.value), *getattr(raised.value, "__notes__", [])])
    assert raised.value is first
    assert str(second) in said
    assert said.startswith(str(first).partition("\n")[0])


async def test_what_can_be_removed_is_not_spoken_of():
    removed = []

    async def remove():
        removed.append("all of it")

    async def fail():
        async with removing_on_failure(remove):
            raise CreationError("the nodes did not come")

    with pytest.raises(CreationError, match=r"^the nodes did not come$"):
        await fail()
    assert removed == ["all of it"]


async def test_where_nothing_fails_nothing_is_removed():
    async def remove():
        pytest.fail("removed")

    async with removing_on_failure(remove):
        pass


@pytest.mark.parametrize("second", SECOND, ids=lambda error: type(error).__name__)
async def test_logs_that_cannot_be_collected_do_not_hide_why_they_are_wanted(tmp_path, second):
    async def collect(_folder):
        raise second

    async def fail():
        async with keeping_logs(collect, tmp_path):
            raise CreationError("the nodes did not come")

    with pytest.raises(CreationError, match=r"^the nodes did not come\nWhat its parts wrote could ") as it:
        await fail()
    assert str(second) in str(it.value)
