"""The client against a real API server."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from itertools import islice

import pytest
from builders import PATIENCE, a_new_kind, config_map, custom_object, define

from kubeloop.client import Client
from kubeloop.client.kubeconfig import as_text, kubeconfig_of
from kubeloop.errors import (
    AlreadyExistsError,
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    KindAbsentError,
    NotFoundError,
    UnauthorizedError,
)
from kubeloop.kinds import CONFIG_MAP, CRD, POD, SECRET, STATEFUL_SET
from kubeloop.resource import Kind, uid_of


async def list_until_it_fails(client: Client, kind: Kind) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            await client.list(kind)


async def test_discovery_tells_where_a_kind_is_served(client):
    served = await client.served(STATEFUL_SET)

    assert served.path("kyma-system", "eventing-nats", "status") == (
        "/apis/apps/v1/namespaces/kyma-system/statefulsets/eventing-nats/status"
    )


async def test_what_is_created_is_read_back(client, namespace):
    await client.create(config_map("a", namespace, colour="grün"))

    read = await client.get(CONFIG_MAP, "a", namespace)

    assert read["data"] == {"colour": "grün"}


async def test_reading_what_is_not_there_names_it(client, namespace):
    with pytest.raises(NotFoundError, match=f"GET ConfigMap {namespace}/a: 404 NotFound"):
        await client.get(CONFIG_MAP, "a", namespace)


async def test_creating_twice_is_refused(client, namespace):
    await client.create(config_map("a", namespace))

    with pytest.raises(AlreadyExistsError, match=f"POST ConfigMap {namespace}/a: 409 AlreadyExists"):
        await client.create(config_map("a", namespace))


async def test_creating_in_a_namespace_that_is_not_there_is_not_taken_for_an_absent_kind(client):
    with pytest.raises(NotFoundError, match='namespaces "nowhere" not found'):
        await client.create(config_map("a", "nowhere"))


async def test_updating_from_an_old_copy_is_a_conflict(client, namespace):
    old = await client.create(config_map("a", namespace))
    await client.update({**old, "data": {"x": "1"}})

    with pytest.raises(ConflictError):
        await client.update({**old, "data": {"x": "2"}})


async def test_applying_creates_and_then_changes(client, namespace):
    await client.apply(config_map("a", namespace, x="1"), field_manager="tests")
    applied = await client.apply(config_map("a", namespace, y="2"), field_manager="tests")

    assert applied["data"] == {"y": "2"}


async def test_applying_a_field_of_another_manager_is_a_conflict_that_names_both(client, namespace):
    await client.apply(config_map("a", namespace, x="1"), field_manager="first")

    with pytest.raises(ConflictError, match=r'conflict with "first": \.data\.x'):
        await client.apply(config_map("a", namespace, x="2"), field_manager="second")


async def test_applying_by_force_takes_the_field_over(client, namespace):
    await client.apply(config_map("a", namespace, x="1"), field_manager="first")

    applied = await client.apply(config_map("a", namespace, x="2"), field_manager="second", force=True)

    assert applied["data"] == {"x": "2"}


async def test_a_dry_run_changes_nothing(client, namespace):
    await client.apply(config_map("a", namespace), field_manager="tests", dry_run=True)

    with pytest.raises(NotFoundError):
        await client.get(CONFIG_MAP, "a", namespace)


async def test_a_merge_patch_sets_and_removes(client, namespace):
    await client.create(config_map("a", namespace, x="1", y="2"))

    patched = await client.merge_patch(CONFIG_MAP, "a", {"data": {"x": None, "z": "3"}}, namespace=namespace)

    assert patched["data"] == {"y": "2", "z": "3"}


async def test_a_merge_patch_with_an_old_resource_version_is_a_conflict(client, namespace):
    old = await client.create(config_map("a", namespace))
    await client.merge_patch(CONFIG_MAP, "a", {"data": {"x": "1"}}, namespace=namespace)
    patch = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "data": {"x": "2"}}

    with pytest.raises(ConflictError):
        await client.merge_patch(CONFIG_MAP, "a", patch, namespace=namespace)


async def test_a_status_for_a_predecessor_does_not_land_on_its_successor(client, namespace):
    kind = a_new_kind()
    await define(client, kind)
    old = await client.create(custom_object(kind, "a", namespace))
    await client.delete(kind, "a", namespace=namespace)
    await client.create(custom_object(kind, "a", namespace))

    with pytest.raises(ConflictError, match=f"PATCH Lamp {namespace}/a: .* not the object of uid"):
        await client.replace_status(kind, "a", {"on": True}, namespace=namespace, uid=uid_of(old))

    assert "status" not in await client.get(kind, "a", namespace)


async def test_a_status_is_written_whole_and_with_it_nothing_else(client, namespace):
    kind = a_new_kind()
    await define(client, kind)
    lamp = await client.create(custom_object(kind, "a", namespace, watts=40))

    for status in ({"on": True, "since": "noon"}, {"on": False}):
        written = await client.replace_status(kind, "a", status, namespace=namespace, uid=uid_of(lamp))

    assert (written["spec"], written["status"]) == ({"watts": 40}, {"on": False})


async def test_a_status_that_breaks_the_rules_of_its_kind_is_invalid(client, namespace):
    pod = {"containers": [{"name": "c", "image": "nobody/runs:it"}]}
    created = await client.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": namespace}, "spec": pod}
    )

    with pytest.raises(InvalidError, match="conditions"):
        await client.replace_status(
            POD, "a", {"conditions": [{"type": "not/a/type/", "status": "?"}]}, namespace=namespace,
            uid=uid_of(created),
        )  # fmt: skip


async def test_a_patch_of_the_status_leaves_the_spec_alone(client, namespace):
    kind = a_new_kind()
    await define(client, kind)
    await client.create(custom_object(kind, "a", namespace, watts=40))

    patched = await client.merge_patch(
        kind,
        "a",
        {"spec": {"watts": 60}, "status": {"on": True}},
        namespace=namespace,
        subresource="status",
    )

    assert (patched["spec"], patched["status"]) == ({"watts": 40}, {"on": True})


async def test_a_kind_without_that_subresource_is_still_there(client, namespace):
    await client.create(config_map("a", namespace))

    with pytest.raises(NotFoundError):
        await client.merge_patch(CONFIG_MAP, "a", {}, namespace=namespace, subresource="status")


async def test_deleting_by_the_uid_of_a_predecessor_is_a_conflict(client, namespace):
    old = await client.create(config_map("a", namespace))
    await client.delete(CONFIG_MAP, "a", namespace=namespace)
    await client.create(config_map("a", namespace))

    with pytest.raises(ConflictError):
        await client.delete(CONFIG_MAP, "a", namespace=namespace, uid=old["metadata"]["uid"])


async def test_deleting_what_is_not_there_says_so(client, namespace):
    with pytest.raises(NotFoundError):
        await client.delete(CONFIG_MAP, "a", namespace=namespace)


@pytest.mark.parametrize("name", ["..", "a/b", "a%2fb"])
async def test_a_name_cannot_lead_out_of_its_collection(client, namespace, name):
    with pytest.raises(ValueError, match="cannot be the name"):
        await client.get(CONFIG_MAP, name, namespace)


async def test_deleting_without_a_name_does_not_delete_everything(client, namespace):
    await client.create(config_map("a", namespace))

    with pytest.raises(ValueError, match="needs a name"):
        await client.delete(CONFIG_MAP, "", namespace=namespace)

    assert await client.get(CONFIG_MAP, "a", namespace)


async def test_a_namespaced_object_without_namespace_is_a_mistake_of_the_caller(client):
    with pytest.raises(ValueError, match=r"ConfigMap\.v1 a"):
        await client.get(CONFIG_MAP, "a")


async def test_the_objects_of_a_list_carry_their_kind(client, namespace):
    await client.create(config_map("a", namespace))

    found = await client.list(CONFIG_MAP, namespace=namespace, field_selector="metadata.name=a")

    assert [Kind.of(item) for item in found.items] == [CONFIG_MAP]


async def test_a_list_longer_than_a_page_is_complete(client, namespace):
    names = {f"n{number}" for number in range(510)}
    pending = iter(names)
    while batch := [*islice(pending, 50)]:
        await asyncio.gather(*(client.create(config_map(name, namespace)) for name in batch))

    found = await client.list(CONFIG_MAP, namespace=namespace)

    assert {item["metadata"]["name"] for item in found.items} == names


async def test_a_kind_that_is_not_served_is_absent(client, namespace):
    with pytest.raises(KindAbsentError, match=r"does not serve Lamp\.g"):
        await client.list(a_new_kind(), namespace=namespace)


async def test_a_kind_is_found_as_soon_as_it_is_served(client, namespace):
    kind = a_new_kind()
    with pytest.raises(KindAbsentError):
        await client.served(kind)

    await define(client, kind)

    assert (await client.list(kind, namespace=namespace)).items == []


async def test_a_kind_that_went_is_absent_even_though_it_was_seen(client, namespace):
    kind = a_new_kind()
    await define(client, kind)
    await client.list(kind, namespace=namespace)

    await client.delete(CRD, f"lamps.{kind.group}")

    with pytest.raises(KindAbsentError):
        await list_until_it_fails(client, kind)


async def test_the_preferred_version_of_a_kind_is_looked_up(client):
    assert await client.preferred("apps", "StatefulSet") == STATEFUL_SET
    assert await client.preferred("", "Pod") == POD


async def test_a_kind_that_only_another_version_of_its_group_serves_is_found(client):
    # Two kinds of one group: the group prefers v1, and Moth is in v1alpha1 alone.
    lamp = a_new_kind()
    moth = Kind(group=lamp.group, version="v1alpha1", kind="Moth")
    await define(client, lamp)
    await define(client, moth)

    async with asyncio.timeout(PATIENCE):
        found = None
        while found is None:  # a group learns of its versions one by one
            with suppress(KindAbsentError):
                found = await client.preferred(lamp.group, "Moth")
    assert found == moth


async def test_no_version_is_preferred_of_a_group_that_is_not_served(client):
    with pytest.raises(KindAbsentError):
        await client.preferred("nobody.example.com", "Lamp")


async def test_a_watch_yields_what_happens_after_the_list(client, namespace):
    found = await client.list(CONFIG_MAP, namespace=namespace)
    await client.create(config_map("a", namespace))
    await client.merge_patch(CONFIG_MAP, "a", {"data": {"x": "1"}}, namespace=namespace)
    await client.delete(CONFIG_MAP, "a", namespace=namespace)
    seen = []

    watch = client.watch(CONFIG_MAP, namespace=namespace, resource_version=found.resource_version)
    async with aclosing(watch) as events, asyncio.timeout(PATIENCE):
        async for event in events:
            seen.append(event.type)
            if event.type == "DELETED":
                break

    assert seen == ["ADDED", "MODIFIED", "DELETED"]


async def test_large_objects_come_through_a_watch_whole(client, namespace):
    found = await client.list(CONFIG_MAP, namespace=namespace)
    text = "ünïcödé " * 20_000
    await client.create(config_map("large", namespace, text=text))

    watch = client.watch(CONFIG_MAP, namespace=namespace, resource_version=found.resource_version)
    async with aclosing(watch) as events, asyncio.timeout(PATIENCE):
        event = await anext(events)

    assert event.object["data"]["text"] == text


async def test_a_watch_from_a_version_of_long_ago_has_expired(own_plane):
    async with Client.from_kubeconfig(own_plane.kubeconfig) as client:
        first = await client.create(config_map("a", "default"))
        await client.create(config_map("b", "default"))
        # A server that starts anew remembers no events from before.
        await own_plane.kill()
        await own_plane.start()

        watch = client.watch(CONFIG_MAP, resource_version=first["metadata"]["resourceVersion"])
        with pytest.raises(ExpiredError, match="410"):
            await anext(watch)


async def test_a_service_account_token_is_issued_and_rbac_binds_it(client, namespace, tmp_path, shared_plane):
    await client.create(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "reader", "namespace": namespace},
        }
    )
    request = await client.create_token("reader", namespace, expiration_seconds=600)
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(kubeconfig_of(shared_plane.cluster, {"token": request["status"]["token"]})))

    async with Client.from_kubeconfig(path) as reader:
        with pytest.raises(ForbiddenError, match=f"system:serviceaccount:{namespace}:reader"):
            await reader.list(SECRET, namespace=namespace)


async def test_a_token_that_nobody_issued_is_refused(shared_plane, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(as_text(kubeconfig_of(shared_plane.cluster, {"token": "guessed"})))

    async with Client.from_kubeconfig(path) as stranger:
        with pytest.raises(UnauthorizedError):
            await stranger.list(CONFIG_MAP)
