"""The API server refuses a bad Eventing and says what is allowed."""

import pytest
from manager_builders import eventing

from eventing_manager.names import EVENTING
from kubeloop.errors import InvalidError
from kubeloop.kinds import CRD


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({}, 'spec.backend.type is required; set it to "nats" or "eventmesh"'),
        ({"backend": {}}, 'spec.backend.type is required; set it to "nats" or "eventmesh"'),
        ({"backend": {"type": "kafka"}}, 'Unsupported value: "kafka": supported values: "nats", "eventmesh"'),
        ({"backend": {"type": "nats", "nats": {"replicas": 2}}}, "must be 1, 3 or 5"),
        ({"backend": {"type": "nats", "nats": {"replicas": 7}}}, "must be 1, 3 or 5"),
        (
            {"backend": {"type": "nats", "nats": {"storage": {"type": "tape"}}}},
            'supported values: "file", "memory"',
        ),
        (
            {"backend": {"type": "nats", "nats": {"storage": {"size": "much"}}}},
            'must be a positive quantity such as 1Gi, not "much"',
        ),
        (
            {"backend": {"type": "nats", "nats": {"storage": {"size": "0"}}}},
            'must be a positive quantity such as 1Gi, not "0"',
        ),
        (
            {"backend": {"type": "nats", "nats": {"storage": {"reclaimPolicy": "Recycle"}}}},
            'supported values: "Delete", "Retain"',
        ),
        (
            {"backend": {"type": "nats", "nats": {"onUndelivered": "Panic"}}},
            'supported values: "Wait", "Discard"',
        ),
        (
            {"backend": {"type": "nats", "nats": {"labels": {"app.kubernetes.io/name": "x"}}}},
            "are the manager's own",
        ),
        ({"backend": {"type": "nats", "nats": {"annotations": {"no spaces": "x"}}}}, "a key must be a name"),
        ({"backend": {"type": "eventmesh", "eventmesh": {"secretRef": {"name": "s"}}}}, "Required value"),
        ({"backend": {"type": "nats"}, "logLevel": "loud"}, 'supported values: "debug", "info"'),
    ],
)
async def test_a_bad_eventing_is_refused_with_a_sentence(client, spec, sentence):
    with pytest.raises(InvalidError) as refusal:
        await client.create(eventing(spec=spec), dry_run=True)

    assert sentence in str(refusal.value)


async def test_what_is_left_out_of_nats_is_filled_in_and_nothing_else(client):
    bare = await client.create(eventing(), dry_run=True)
    partly = await client.create(eventing(replicas=3), dry_run=True)

    assert bare["spec"] == {"backend": {"type": "nats"}}
    assert partly["spec"]["backend"]["nats"] == {
        "replicas": 3,
        "onUndelivered": "Wait",
        "storage": {"type": "file", "size": "1Gi", "reclaimPolicy": "Delete"},
    }


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            {"type": "nats"},
            {"type": "nats", "nats": {"storage": {"type": "memory"}}},
            "messages would be lost",
        ),
        ({"type": "nats"}, {"type": "nats", "nats": {"storage": {"size": "2Gi"}}}, "cannot resize"),
        (
            {"type": "nats", "nats": {"storage": {"size": "2Gi"}}},
            {"type": "nats"},
            "cannot resize",
        ),
        ({"type": "nats"}, {"type": "nats", "nats": {"replicas": 3}}, "switch to eventmesh first"),
        ({"type": "nats", "nats": {"replicas": 3}}, {"type": "nats"}, "switch to eventmesh first"),
        (
            {"type": "eventmesh", "nats": {"storage": {"size": "2Gi"}}},
            {"type": "nats", "nats": {"storage": {"size": "1Gi"}}},
            "cannot shrink",
        ),
    ],
)
async def test_storage_and_servers_that_are_in_use_cannot_change(client, before, after, sentence):
    created = await client.create(eventing(spec={"backend": before}))

    with pytest.raises(InvalidError) as refusal:
        await edit(client, created, after)

    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"type": "nats"}, {"type": "nats", "nats": {"storage": {"size": "1024Mi"}}}),
        ({"type": "nats"}, {"type": "nats", "nats": {"replicas": 1}}),
        ({"type": "nats"}, {"type": "eventmesh", "nats": {"replicas": 3}}),
        ({"type": "eventmesh"}, {"type": "nats", "nats": {"storage": {"type": "memory"}, "replicas": 3}}),
        (
            {"type": "eventmesh", "nats": {"storage": {"size": "1Gi"}}},
            {"type": "eventmesh", "nats": {"storage": {"size": "2Gi"}}},
        ),
    ],
)
async def test_storage_and_servers_that_are_not_in_use_may_change(client, before, after):
    created = await client.create(eventing(spec={"backend": before}))

    edited = await edit(client, created, after)

    assert edited["metadata"]["generation"] == 2


async def edit(client, created, backend):
    name, namespace = created["metadata"]["name"], created["metadata"]["namespace"]
    patch = {"spec": {"backend": {"nats": None, **backend}}}
    return await client.merge_patch(EVENTING, name, patch, namespace=namespace)


async def test_kubectl_users_find_it_by_its_short_name_and_categories(client):
    crd = await client.get(CRD, "eventings.operator.kyma-project.io")

    names = crd["spec"]["names"]
    columns = [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]
    assert names["shortNames"] == ["evt"]
    assert names["categories"] == ["kyma-modules", "kyma-eventing"]
    assert columns == ["State", "Backend", "Age"]
    assert crd["metadata"]["labels"]["applyset.kubernetes.io/is-parent-type"] == "true"
