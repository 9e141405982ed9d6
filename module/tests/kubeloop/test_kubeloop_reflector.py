"""A reflector follows a real API server, whatever that goes through."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from builders import a_new_kind, config_map, custom_object, define, eventually, undefine

from kubeloop.client import Client
from kubeloop.definitions import Definitions
from kubeloop.errors import KindAbsentError
from kubeloop.kinds import CONFIG_MAP, SECRET
from kubeloop.reflector import Reflector, ReflectorTimings
from kubeloop.resource import ObjectKey


@asynccontextmanager
async def running(*reflectors: Reflector):
    """Run reflectors, and leave them to the test once they are synced."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(reflector.run()) for reflector in reflectors]
        for reflector in reflectors:
            await reflector.synced.wait()
        yield
        for task in started:
            task.cancel()


def names_of(reflector: Reflector) -> set[str]:
    return {obj["metadata"]["name"] for obj in reflector.all()}


class Changes:
    """Note what a reflector tells of."""

    def __init__(self) -> None:
        self.seen: list[tuple[str | None, str | None]] = []

    def __call__(self, old, new) -> None:
        self.seen.append(tuple(obj and obj["data"]["x"] for obj in (old, new)))


async def test_what_was_there_before_is_in_the_first_copy(client, namespace):
    await client.create(config_map("a", namespace))

    reflector = Reflector(client, CONFIG_MAP, namespace=namespace)

    async with running(reflector):
        assert names_of(reflector) == {"a"}


async def test_changes_are_told_with_the_object_before_and_after(client, namespace):
    changes = Changes()
    reflector = Reflector(client, CONFIG_MAP, namespace=namespace, on_change=changes)

    async with running(reflector):
        await client.create(config_map("a", namespace, x="1"))
        await client.merge_patch(CONFIG_MAP, "a", {"data": {"x": "2"}}, namespace=namespace)
        await client.delete(CONFIG_MAP, "a", namespace=namespace)
        await eventually(lambda: len(changes.seen) == 3)

    assert changes.seen == [(None, "1"), ("1", "2"), ("2", None)]


async def test_an_object_that_loses_its_label_leaves_the_selection(client, namespace):
    await client.create(config_map("a", namespace, labels={"of": "us"}))
    reflector = Reflector(client, CONFIG_MAP, namespace=namespace, label_selector="of=us")

    async with running(reflector):
        await client.merge_patch(CONFIG_MAP, "a", {"metadata": {"labels": {"of": None}}}, namespace=namespace)
        await eventually(lambda: not reflector.all())


async def test_the_copy_is_without_managed_fields(client, namespace):
    await client.apply(config_map("a", namespace, x="1"), field_manager="tests")
    reflector = Reflector(client, CONFIG_MAP, namespace=namespace)

    async with running(reflector):
        copy = reflector.get(ObjectKey(namespace, "a"))

    assert copy is not None
    assert "managedFields" not in copy["metadata"]


async def test_it_follows_one_object_by_its_name_and_then_another_in_another_namespace(
    client, namespace, elsewhere
):
    for where in (namespace, elsewhere):
        for name in ("a", "b"):
            await client.create(config_map(name, where))
    reflector = Reflector(client, CONFIG_MAP)
    reflector.follow(ObjectKey(namespace, "a"))

    async with running(reflector):
        first = [ObjectKey.of(obj) for obj in reflector.all()]
        reflector.follow(ObjectKey(elsewhere, "b"))
        await reflector.synced.wait()
        second = [ObjectKey.of(obj) for obj in reflector.all()]
        await client.delete(CONFIG_MAP, "b", namespace=elsewhere)
        await eventually(lambda: not reflector.all())

    assert (first, second) == ([ObjectKey(namespace, "a")], [ObjectKey(elsewhere, "b")])


async def test_an_absent_kind_counts_as_synced_and_empty(client):
    reflector = Reflector(client, a_new_kind())

    async with running(reflector):
        assert (reflector.present, reflector.all()) == (False, [])


async def test_a_kind_that_appears_is_followed_and_one_that_goes_takes_its_objects_along(client, namespace):
    kind = a_new_kind()
    gone: list[str] = []
    reflector = Reflector(
        client, kind, on_change=lambda old, new: None if new else gone.append(old["metadata"]["name"])
    )

    async with running(reflector):
        await define(client, kind)
        await client.create(custom_object(kind, "a", namespace))
        await eventually(lambda: names_of(reflector) == {"a"})
        assert reflector.present

        await undefine(client, kind)
        await eventually(lambda: not reflector.present)

    assert gone == ["a"]


async def test_a_kind_that_comes_back_is_followed_again(client, namespace):
    kind = a_new_kind()
    await define(client, kind)
    reflector = Reflector(client, kind)

    async with running(reflector):
        await undefine(client, kind)
        await eventually(lambda: not reflector.present)
        await define(client, kind)
        await client.create(custom_object(kind, "a", namespace))
        await eventually(lambda: names_of(reflector) == {"a"})


async def test_an_announced_kind_is_found_without_asking_all_the_time(client, namespace):
    kind = a_new_kind()
    definitions = Definitions(client)
    # It would look by itself only long after the test has failed.
    timings = ReflectorTimings(absent=0.2, unannounced=3600)
    reflector = Reflector(client, kind, announcer=definitions, timings=timings)

    async with running(definitions.reflector, reflector):
        # No sign of life is due for long: it has asked, and now waits to be told.
        await eventually(lambda: reflector.last_activity > asyncio.get_running_loop().time() + 60)
        await define(client, kind)
        await client.create(custom_object(kind, "a", namespace))
        await eventually(lambda: names_of(reflector) == {"a"})


class NothingServed:
    """A client of an API server that serves no kind, and the announcer that knows it."""

    def __init__(self) -> None:
        self.questions = 0

    async def list(self, kind, **_selection):
        self.questions += 1
        raise KindAbsentError(kind)

    def subscribe(self, _wake) -> None:
        """Never wake anybody: nothing changes."""

    def may_serve(self, _kind) -> bool:
        return False


@pytest.mark.looptime
async def test_nobody_asks_for_a_kind_that_is_announced_as_absent_nor_takes_that_for_a_stuck_watch():
    nothing = NothingServed()
    reflector = Reflector(nothing, a_new_kind(), announcer=nothing)

    async with running(reflector):
        await asyncio.sleep(3600)
        is_stuck = reflector.is_stuck(asyncio.get_running_loop().time())

    assert nothing.questions == 1
    assert not is_stuck


async def test_a_definition_that_is_watched_by_name_tells_whether_objects_can_be_made(client):
    kind, other = a_new_kind(), a_new_kind()
    definitions = Definitions(client, f"lamps.{kind.group}")

    async with running(definitions.reflector):
        before = definitions.serves(kind)
        await define(client, other)
        await define(client, kind)
        await eventually(lambda: definitions.serves(kind))
        seen = names_of(definitions.reflector)
        await undefine(client, kind)
        await eventually(lambda: not definitions.serves(kind))

    assert not before
    assert seen == {f"lamps.{kind.group}"}


async def test_the_copy_is_right_again_after_the_api_server_and_etcd_were_killed(own_plane):
    async with Client.from_kubeconfig(own_plane.kubeconfig) as client:
        for name in "ab":
            await client.create(config_map(name, "default"))
        reflectors = [Reflector(client, kind, namespace="default") for kind in (CONFIG_MAP, SECRET)]

        async with running(*reflectors):
            await own_plane.kill()
            await own_plane.start()
            await client.delete(CONFIG_MAP, "a", namespace="default")
            await client.create(config_map("c", "default"))
            await eventually(lambda: names_of(reflectors[0]) == {"b", "c"})


async def test_a_copy_from_another_cluster_at_the_same_address_is_replaced(own_plane, tmp_path):
    async with Client.from_kubeconfig(own_plane.kubeconfig) as client:
        for number in range(20):
            await client.create(config_map(f"old-{number}", "default"))
        reflector = Reflector(client, CONFIG_MAP, namespace="default")

        async with running(reflector):
            await own_plane.kill()
            (tmp_path / "etcd").rename(tmp_path / "etcd-of-before")
            await own_plane.start()
            await client.create(config_map("new", "default"))
            await eventually(lambda: names_of(reflector) == {"new"})


@pytest.mark.parametrize("steps", [0, 1, 5, 50])
async def test_cancelling_ends_a_reflector_wherever_it_is(client, steps):
    task = asyncio.create_task(Reflector(client, CONFIG_MAP).run())
    for _ in range(steps):
        await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
