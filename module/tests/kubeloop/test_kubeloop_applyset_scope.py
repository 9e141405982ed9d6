"""A set whose owner knows where its members are finds them, whatever others make of its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import TOOLING, a_set, config_map, described, reread, rule, service

from kubeloop.applyset import (
    ID_LABEL,
    KINDS_ANNOTATION,
    NAMESPACES_ANNOTATION,
    PART_OF_LABEL,
    TOOLING_ANNOTATION,
    Scope,
)
from kubeloop.errors import ForbiddenError, ForeignObjectError, NotFoundError
from kubeloop.kinds import CONFIG_MAP, SECRET, SERVICE
from kubeloop.resource import annotations_of, labels_of

if TYPE_CHECKING:
    from kubeloop.client import Client
    from kubeloop.resource import Object

ANNOTATIONS = (TOOLING_ANNOTATION, KINDS_ANNOTATION, NAMESPACES_ANNOTATION)
PARENTS = rule("configmaps", "get", "patch")


def a_scope(*namespaces: str, **names: str) -> Scope:
    return Scope(kinds=(CONFIG_MAP, SERVICE, SECRET), namespaces=namespaces, names=names)


async def annotate(client: Client, parent: Object, annotations: dict[str, str | None]) -> Object:
    """Change hints as a person would: what is None is taken off."""
    metadata = parent["metadata"]
    return await client.merge_patch(
        CONFIG_MAP,
        metadata["name"],
        {"metadata": {"annotations": annotations}},
        namespace=metadata["namespace"],
    )


async def without_hints(client: Client, parent: Object) -> Object:
    """Replace a parent by the manifest that somebody has in a file."""
    metadata = parent["metadata"]
    current = await reread(client, parent)
    version = current["metadata"]["resourceVersion"]
    return await client.update(
        {**config_map(metadata["name"], metadata["namespace"]), "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "resourceVersion": version,
        }}
    )  # fmt: skip


async def test_members_are_found_and_pruned_though_the_parent_has_lost_its_annotations(
    client, elsewhere, parent
):
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    await applyset.apply([config_map("a", elsewhere), service("s", elsewhere)])
    await without_hints(client, parent)

    found = await applyset.members()
    remaining = await applyset.prune()

    assert described(found) == {f"ConfigMap {elsewhere}/a", f"Service {elsewhere}/s"}
    assert remaining == []
    with pytest.raises(NotFoundError):
        await client.get(CONFIG_MAP, "a", elsewhere)


async def test_members_beside_their_parent_are_found_where_the_scope_says_so(client, namespace, parent):
    """The convention never writes a parent's own namespace into its annotation."""
    applyset = a_set(client, parent, scope=a_scope(namespace))
    await applyset.apply([config_map("a", namespace)])

    found = await applyset.members()

    assert described(found) == {f"ConfigMap {namespace}/a"}


async def test_what_an_earlier_version_applied_outside_of_the_scope_is_found_by_the_annotations(
    client, namespace, elsewhere, parent
):
    await a_set(client, parent).apply([config_map("a", elsewhere), service("s", elsewhere)])
    narrow = Scope(kinds=(SERVICE,), namespaces=(namespace,))

    found = await a_set(client, parent, scope=narrow).members()

    assert described(found) == {f"ConfigMap {elsewhere}/a", f"Service {elsewhere}/s"}


async def test_the_namespace_of_a_parent_outside_of_the_scope_is_not_searched(
    client, namespace, elsewhere, parent, limited
):
    everything = rule("configmaps", "get", "list", "create", "patch")
    others = [rule(resource, "list") for resource in ("services", "secrets")]
    servant = await limited({namespace: [PARENTS], elsewhere: [everything, *others]})
    applyset = a_set(servant, parent, scope=a_scope(elsewhere))
    await applyset.apply([config_map("a", elsewhere)])
    await annotate(client, parent, {NAMESPACES_ANNOTATION: f"{namespace},{elsewhere}"})

    found = await applyset.members()

    assert described(found) == {f"ConfigMap {elsewhere}/a"}


async def test_of_a_kind_with_one_name_no_other_object_need_be_listed(namespace, elsewhere, parent, limited):
    rights = [
        rule("configmaps", "get", "list", "create", "patch", names=["only"]),
        *(rule(resource, "list") for resource in ("services", "secrets")),
    ]
    servant = await limited({namespace: [PARENTS], elsewhere: rights})
    applyset = a_set(servant, parent, scope=a_scope(elsewhere, ConfigMap="only"))
    await applyset.apply([config_map("only", elsewhere)])

    assert described(await applyset.members()) == {f"ConfigMap {elsewhere}/only"}


@pytest.mark.parametrize(
    ("annotation", "text"),
    [(KINDS_ANNOTATION, "ConfigMap,Pod,Secret,Service"), (NAMESPACES_ANNOTATION, "default")],
)
async def test_where_the_search_is_forbidden_the_error_names_the_annotation_that_asks_for_it(
    client, parent, limited, annotation, text
):
    namespace = parent["metadata"]["namespace"]
    servant = await limited({namespace: [rule("configmaps", "get", "patch", "list")]})
    scope = Scope(kinds=(CONFIG_MAP,), namespaces=(namespace,))
    await annotate(client, parent, {annotation: text})

    with pytest.raises(ForbiddenError, match=f"{annotation} of ConfigMap {namespace}/parent"):
        await a_set(servant, parent, scope=scope).members()


async def test_a_forbidden_search_of_the_scope_itself_blames_no_annotation(
    client, namespace, elsewhere, parent, limited
):
    servant = await limited({namespace: [PARENTS]})

    with pytest.raises(ForbiddenError) as refused:
        await a_set(servant, parent, scope=a_scope(elsewhere)).members()

    assert KINDS_ANNOTATION not in str(refused.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"annotations": dict.fromkeys(ANNOTATIONS)},
        {"annotations": {KINDS_ANNOTATION: None}},
        {"annotations": {NAMESPACES_ANNOTATION: None}},
        {"annotations": {TOOLING_ANNOTATION: None}},
        {"annotations": {TOOLING_ANNOTATION: ""}},
        {"annotations": {KINDS_ANNOTATION: "ConfigMap,,../Pod"}},
        {"labels": {ID_LABEL: None}},
        {"labels": {ID_LABEL: "applyset-of-somebody-else"}},
        {"labels": {ID_LABEL: "applyset-of-somebody-else"}, "annotations": {TOOLING_ANNOTATION: None}},
    ],
)
async def test_damaged_hints_are_noticed_without_a_request_and_repaired_by_the_next_apply(
    client, namespace, elsewhere, parent, damage
):
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    objects = [config_map("a", elsewhere)]
    await applyset.apply(objects)
    whole = await reread(client, parent)
    damaged = await client.merge_patch(CONFIG_MAP, "parent", {"metadata": damage}, namespace=namespace)

    await applyset.apply(objects)
    await applyset.prune(keep=objects)

    repaired = await reread(client, parent)
    assert [applyset.hints_are_current(seen, objects) for seen in (whole, damaged, repaired)] == [
        True,
        False,
        True,
    ]
    assert labels_of(repaired) == labels_of(whole)
    assert annotations_of(repaired) == annotations_of(whole)


async def test_hints_are_not_current_for_other_objects_or_another_version_of_the_tool(
    client, namespace, elsewhere, parent
):
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    await applyset.apply([config_map("a", elsewhere)])
    seen = await reread(client, parent)

    later = a_set(client, parent, scope=a_scope(elsewhere), tooling="tests/2.0.0")

    assert not applyset.hints_are_current(seen, [config_map("a", elsewhere), service("s", elsewhere)])
    assert not later.hints_are_current(seen, [config_map("a", elsewhere)])


async def test_a_set_of_another_tool_is_left_alone_though_its_place_is_known(client, elsewhere, parent):
    await annotate(client, parent, {TOOLING_ANNOTATION: "kubectl/v1.37.2"})
    applyset = a_set(client, parent, scope=a_scope(elsewhere))

    for attempt in (applyset.apply([config_map("a", elsewhere)]), applyset.prune(), applyset.members()):
        with pytest.raises(ForeignObjectError, match="belongs to kubectl"):
            await attempt


@pytest.mark.parametrize("scoped", [True, False])
@pytest.mark.parametrize(
    "damage",
    [
        {KINDS_ANNOTATION: "ConfigMap,,"},
        {KINDS_ANNOTATION: " ConfigMap , Service "},
        {KINDS_ANNOTATION: "ConfigMap,Lamp,Lamp.example.com,Lamp.apps"},
        {KINDS_ANNOTATION: "ConfigMap,../../api/v1/secrets,Pod/log,Pod.v1/pods,Secret.../..,.apps"},
        {KINDS_ANNOTATION: "ConfigMap,a b.c d,%2e%2e.%2f,-,.,..,Pod.,Pod.-apps"},
        {KINDS_ANNOTATION: "ConfigMap,Pod?watch=true,Pod.apps#,Pod.\\,Pöd,Pod.\n"},
        {KINDS_ANNOTATION: "ConfigMap,SubjectAccessReview.authorization.k8s.io"},
        {NAMESPACES_ANNOTATION: "{elsewhere},,"},
        {NAMESPACES_ANNOTATION: " {elsewhere} , nowhere"},
        {NAMESPACES_ANNOTATION: "{elsewhere},..,.,a/b,%2e%2e,A B,default?watch=true,ünï"},
    ],
)
async def test_garbage_in_the_annotations_hides_no_member_and_breaks_nothing(
    client, elsewhere, parent, scoped, damage
):
    applyset = a_set(client, parent, scope=a_scope(elsewhere) if scoped else None)
    await applyset.apply([config_map("a", elsewhere)])
    told = {name: text.replace("{elsewhere}", elsewhere) for name, text in damage.items()}
    await annotate(client, parent, told)

    found = await applyset.members()
    remaining = await applyset.prune()

    assert described(found) == {f"ConfigMap {elsewhere}/a"}
    assert remaining == []
    assert annotations_of(await reread(client, parent)) == {
        TOOLING_ANNOTATION: TOOLING, KINDS_ANNOTATION: "", NAMESPACES_ANNOTATION: "",
    }  # fmt: skip


async def labelled_by_another(client: Client, namespace: str, label: str) -> Object:
    """Make what a backup tool makes of a member: a copy with its labels, of another name."""
    return await client.create(config_map("copy", namespace, labels={PART_OF_LABEL: label}))


async def owned_by_another(client: Client, namespace: str) -> Object:
    """Give the member ``a`` to a controller."""
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "theirs", "uid": "u", "controller": True}
    return await client.merge_patch(
        CONFIG_MAP, "a", {"metadata": {"ownerReferences": [owner]}}, namespace=namespace
    )


async def test_what_bears_our_label_and_was_never_applied_by_us_is_a_conflict_and_nothing_is_deleted(
    client, elsewhere, parent
):
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    await applyset.apply([config_map("a", elsewhere)])
    await labelled_by_another(client, elsewhere, applyset.id)
    told = f"ConfigMap {elsewhere}/copy exists and belongs to tests.*take the label {PART_OF_LABEL} off"

    for attempt in (applyset.members(), applyset.prune()):
        with pytest.raises(ForeignObjectError, match=told):
            await attempt

    assert await client.get(CONFIG_MAP, "a", elsewhere)
    assert await client.get(CONFIG_MAP, "copy", elsewhere)


async def test_a_member_that_another_controls_is_a_conflict_and_nothing_is_deleted(client, elsewhere, parent):
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    await applyset.apply([config_map("a", elsewhere), service("s", elsewhere)])
    await owned_by_another(client, elsewhere)

    for attempt in (applyset.members(), applyset.prune()):
        with pytest.raises(ForeignObjectError, match="belongs to Deployment theirs"):
            await attempt

    assert await client.get(SERVICE, "s", elsewhere)
    assert await client.get(CONFIG_MAP, "a", elsewhere)


async def test_what_is_kept_is_no_conflict_of_a_prune(client, elsewhere, parent):
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    await applyset.apply([config_map("a", elsewhere), service("s", elsewhere)])
    await owned_by_another(client, elsewhere)

    assert await applyset.prune(keep=[config_map("a", elsewhere)]) == []


async def test_a_member_that_the_parent_controls_is_ours(client, namespace, parent):
    applyset = a_set(client, parent, scope=a_scope(namespace))
    owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "parent",
        "uid": parent["metadata"]["uid"],
        "controller": True,
    }
    member = config_map("a", namespace)
    member["metadata"]["ownerReferences"] = [owner]
    await applyset.apply([member])

    assert await applyset.prune() == []


async def test_a_member_that_was_restored_from_a_backup_is_applied_again(client, elsewhere, parent):
    """Its labels came along, and the managed fields of ours did not."""
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    await client.create(config_map("a", elsewhere, labels={PART_OF_LABEL: applyset.id}, x="theirs", y="old"))

    await applyset.apply([config_map("a", elsewhere, x="ours")])

    assert [obj["data"] for obj in await applyset.members()] == [{"x": "ours"}]


async def test_what_bears_our_label_and_is_controlled_by_another_is_not_applied_over(
    client, elsewhere, parent
):
    applyset = a_set(client, parent, scope=a_scope(elsewhere))
    await client.create(config_map("a", elsewhere, labels={PART_OF_LABEL: applyset.id}, x="theirs"))
    await owned_by_another(client, elsewhere)

    with pytest.raises(ForeignObjectError, match="belongs to Deployment theirs"):
        await applyset.apply([config_map("a", elsewhere, x="ours")])

    assert (await client.get(CONFIG_MAP, "a", elsewhere))["data"] == {"x": "theirs"}
