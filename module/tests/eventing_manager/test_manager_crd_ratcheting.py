"""Rules that come with a release: what was stored before them can be edited, put right, and made no worse."""

import asyncio
import copy
from contextlib import suppress

import pytest
import yaml
from manager_builders import CR_NAMESPACE, condition, eventing
from manager_watching import PATIENCE, Watching

from kubeloop.client import Client
from kubeloop.errors import InvalidError
from kubeloop.kinds import CRD
from kubeloop.resource import Kind

OLD_GROUP = "older.kyma-project.io"
"""A definition of its own, as an older release had it: other tests go on with the present one."""


def of_older_release(crd):
    """Return a definition without any rule."""
    older = copy.deepcopy(crd)
    older["metadata"]["name"] = f"eventings.{OLD_GROUP}"
    older["spec"]["group"] = OLD_GROUP
    older["spec"]["names"] = {"kind": "Eventing", "listKind": "EventingList", "plural": "eventings"}
    (version,) = older["spec"]["versions"]
    without_rules(version["schema"]["openAPIV3Schema"])
    return older


def without_rules(schema):
    for rule in ("x-kubernetes-validations", "maxLength", "maxProperties"):
        schema.pop(rule, None)
    for field in schema.get("properties", {}).values():
        without_rules(field)
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            without_rules(schema[inner])


OLD = Kind.parse(f"{OLD_GROUP}/v1alpha1", "Eventing")


STORED = {
    "size": {"type": "nats", "nats": {"storage": {"size": "1e20"}}},
    "exploding": {"type": "nats", "nats": {"storage": {"size": "1e99999999999"}}},
    "exploding-later": {"type": "eventmesh", "nats": {"storage": {"size": "1e-99999999999"}}},
    "nothing": {"type": "nats", "nats": {"storage": {"size": ""}}},
    "long": {"type": "nats", "nats": {"storage": {"size": "1" * 300}}},
    "secret": {"type": "eventmesh", "eventmesh": {"secretRef": {"name": "n/a", "namespace": "x;y"}}},
    "label": {"type": "nats", "nats": {"labels": {"a": "not allowed", "b": "c"}}},
    "key": {"type": "nats", "nats": {"labels": {"checksum/auth": "x"}}},
    "resources": {"type": "nats", "nats": {"resources": {"limits": {"memory": "1e999999", "gpu/x": "-1"}}}},
    "typeless": {},
}


@pytest.fixture(scope="module")
def stored(portal, cluster, module_chart):
    """Eventings that were stored before there were rules; yields what reads and edits one."""

    async def store():
        async with Client.from_kubeconfig(cluster.kubeconfig) as client:
            present = yaml.safe_load((module_chart / "crds/eventings.yaml").read_text())
            await define(client, of_older_release(present))
            for name, backend in STORED.items():
                older = eventing(name, spec={"backend": backend})
                await client.create({**older, "apiVersion": f"{OLD_GROUP}/v1alpha1"})
            rules = present["spec"]["versions"]
            await client.merge_patch(CRD, f"eventings.{OLD_GROUP}", {"spec": {"versions": rules}})
            await until_ruled(client)

    portal.call(store())
    yield
    portal.call(forget(cluster))


async def define(client, crd):
    name = crd["metadata"]["name"]
    async with Watching(client, CRD) as definitions:
        await client.create(crd)
        await definitions.until(
            lambda found: condition(found.get(name, {}), "Established").get("status") == "True"
        )


async def forget(cluster):
    async with Client.from_kubeconfig(cluster.kubeconfig) as client:
        await client.delete(CRD, f"eventings.{OLD_GROUP}")


async def until_ruled(client):
    """Wait until the API server goes by the new rules, which nothing announces."""
    bad = {**eventing("probe", storage={"size": "0"}), "apiVersion": f"{OLD_GROUP}/v1alpha1"}
    async with asyncio.timeout(PATIENCE):
        with suppress(InvalidError):
            while await client.create(bad, dry_run=True):  # noqa: ASYNC110 - there is no watch
                await asyncio.sleep(0.1)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", STORED.keys() - {"typeless"})
async def test_what_was_stored_before_there_was_a_rule_can_be_edited_elsewhere(client, name):
    edited = await edit_old(client, name, {"logLevel": "debug"})

    assert edited["spec"]["logLevel"] == "debug"


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("size", {"nats": {"storage": {"size": "1Gi"}}}),
        ("size", {"nats": None}),
        ("exploding", {"nats": {"storage": {"size": "2Gi"}}}),
        ("exploding", {"type": "eventmesh"}),
        ("exploding-later", {"nats": {"storage": {"size": "2Gi"}}, "type": "nats"}),
        ("nothing", {"nats": {"storage": {"size": "2Gi"}}}),
        ("long", {"nats": {"storage": {"size": "2Gi"}}}),
        ("secret", {"eventmesh": {"secretRef": {"name": "a", "namespace": "b"}}}),
        ("label", {"nats": {"labels": {"b": "d"}}}),
        ("label", {"nats": {"labels": {"a": "allowed"}}}),
        ("key", {"nats": {"labels": {"checksum/auth": None}}}),
        ("key", {"nats": {"annotations": {"b": "d"}}}),
        ("resources", {"nats": {"resources": {"limits": {"memory": "1Gi", "gpu/x": None}}}}),
        ("resources", {"nats": {"resources": {"requests": {"memory": "1Gi"}}}}),
        ("typeless", {"type": "nats"}),
    ],
)
async def test_what_was_stored_before_there_was_a_rule_can_be_put_right(client, name, backend):
    assert await edit_old(client, name, {"backend": backend})


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("name", "backend", "sentence"),
    [
        (
            "exploding",
            {"nats": {"storage": {"size": "1e999999"}}},
            'between 1Mi and 100Ti, such as 1Gi, not "1e999999"',
        ),
        ("exploding", {"nats": {"storage": {"type": "memory"}}}, "messages would be lost"),
        ("secret", {"eventmesh": {"secretRef": {"name": "b/c"}}}, 'not "b/c"'),
        ("label", {"nats": {"labels": {"a": "still not"}}}, 'not "still not"'),
        ("key", {"nats": {"labels": {"b": "c"}}}, "are the manager's own"),
        ("resources", {"nats": {"resources": {"limits": {"gpu/x": "1"}}}}, "must be of cpu, memory"),
        ("typeless", {"nats": {}}, "spec.backend.type is required"),
    ],
)
async def test_what_was_stored_before_there_was_a_rule_can_be_no_worse(client, name, backend, sentence):
    with pytest.raises(InvalidError) as refusal:
        await edit_old(client, name, {"backend": backend})

    assert sentence in str(refusal.value)


async def edit_old(client, name, spec):
    """Try an edit; the object stays as it was stored."""
    patched = await client.get(OLD, name, CR_NAMESPACE)
    merge(patched["spec"], spec)
    return await client.update(patched, dry_run=True)


def merge(into, patch):
    for key, value in patch.items():
        if value is None:
            into.pop(key)
        elif isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
