"""What others bring comes and goes: the manager takes it up, does without it, and says so of each."""

from contextlib import suppress

import pytest
from manager_builders import CR_NAMESPACE, NAMESPACE, condition, eventing
from manager_definitions import DEFINITIONS, REFERENCE, SECRET_NAME, secret
from manager_watching import Watching

from eventing_manager.api.names import EVENTING, MANAGER_ACCOUNT
from eventing_manager.observe.kinds import OPTIONAL_KINDS
from kubeloop.errors import NotFoundError
from kubeloop.kinds import CRD, ROLE, ROLE_BINDING, SECRET


@pytest.fixture
async def eventings(client):
    async with Watching(client, EVENTING, namespace=CR_NAMESPACE) as watching:
        yield watching


@pytest.fixture
async def tidy(client):
    """Take away what these tests bring."""
    yield
    for found in DEFINITIONS.values():
        await gone(client, CRD, found["metadata"]["name"])
    await gone(client, SECRET, SECRET_NAME, NAMESPACE)


async def gone(client, kind, name, namespace=None):
    with suppress(NotFoundError):
        await client.delete(kind, name, namespace=namespace)
    async with Watching(client, kind, namespace=namespace) as left:
        await left.until(lambda found: name not in found)


def entry(found, name):
    dependencies = found["eventing"].get("status", {}).get("dependencies") or []
    return next((entry for entry in dependencies if entry["name"].startswith(name)), {})


@pytest.mark.usefixtures("tidy")
@pytest.mark.parametrize("optional", OPTIONAL_KINDS, ids=[optional.kind.kind for optional in OPTIONAL_KINDS])
async def test_an_optional_kind_is_used_while_it_is_served_and_done_without_otherwise(
    client, eventings, optional
):
    name = optional.kind.kind
    await client.create(eventing())
    without = await eventings.until(
        lambda found: (
            found and found["eventing"].get("status", {}).get("state") == "Ready" and found["eventing"]
        )
    )

    await client.create(DEFINITIONS[name])
    async with Watching(client, optional.kind, namespace=NAMESPACE) as made:
        await made.until(lambda found: "eventing-nats" in found)
        await eventings.until(lambda found: entry(found, name).get("satisfied") is True)
        await client.delete(optional.kind, "eventing-nats", namespace=NAMESPACE)
        await made.until(lambda found: "eventing-nats" in found)
    await client.delete(CRD, optional.definition)
    left = await eventings.until(
        lambda found: (
            entry(found, name).get("satisfied") is False
            and found["eventing"]["status"]["state"] == "Ready"
            and found["eventing"]
        )
    )

    assert condition(without, "DependenciesSatisfied")["reason"] == "KindsAbsent"
    assert str(optional.kind) in condition(without, "DependenciesSatisfied")["message"]
    assert condition(left, "DependenciesSatisfied")["reason"] == "KindsAbsent"
    assert [
        condition(seen, "Ready")["message"]
        for seen in eventings.history
        if "status" in seen and seen["status"]["state"] in {"Error", "Warning"}
    ] == []


@pytest.mark.usefixtures("tidy")
async def test_every_object_goes_with_the_backend_when_all_kinds_are_served(client, eventings):
    for found in DEFINITIONS.values():
        await client.create(found)
    await client.create(eventing())
    satisfied = await eventings.until(
        lambda found: (
            found
            and condition(found["eventing"], "DependenciesSatisfied").get("status") == "True"
            and found["eventing"]
        )
    )

    await client.delete(EVENTING, "eventing", namespace=CR_NAMESPACE)
    await eventings.until(lambda found: not found)

    lists = [await client.list(optional.kind, namespace=NAMESPACE) for optional in OPTIONAL_KINDS]
    assert [found.items for found in lists] == [[], []]
    assert [entry["satisfied"] for entry in satisfied["status"]["dependencies"]] == [True, True]


def with_secret(reference=REFERENCE):
    return eventing(spec={"backend": {"type": "eventmesh", "eventmesh": {"secretRef": reference}}})


def until_secret(eventings, reason):
    """Wait until the Secret is found so; return the Eventing."""
    return eventings.until(
        lambda found: found and entry(found, "Secret").get("reason") == reason and found["eventing"]
    )


@pytest.mark.usefixtures("tidy")
async def test_the_secret_of_eventmesh_is_followed_from_its_absence_to_its_end(client, eventings):
    await client.create(with_secret())
    missing = await until_secret(eventings, "SecretMissing")

    await client.create(secret(messaging=None))
    malformed = await until_secret(eventings, "SecretMalformed")
    await client.merge_patch(SECRET, SECRET_NAME, {"data": secret()["data"]}, namespace=NAMESPACE)
    good = await until_secret(eventings, "Satisfied")
    await client.delete(SECRET, SECRET_NAME, namespace=NAMESPACE)
    again = await until_secret(eventings, "SecretMissing")

    assert [found["status"]["state"] for found in (missing, malformed, good, again)] == [
        "Warning", "Warning", "Ready", "Warning",
    ]  # fmt: skip
    assert "Secret kyma-system/eventing-backend does not exist" in condition(missing, "Ready")["message"]
    assert "lacks key messaging" in condition(malformed, "DependenciesSatisfied")["message"]


@pytest.mark.usefixtures("tidy")
async def test_another_secret_is_looked_at_when_the_eventing_names_another(client, eventings):
    await client.create(secret())
    await client.create(with_secret({**REFERENCE, "name": "eventing-backend-2"}))
    await until_secret(eventings, "SecretForbidden")

    patch = {"spec": {"backend": {"eventmesh": {"secretRef": REFERENCE}}}}
    await client.merge_patch(EVENTING, "eventing", patch, namespace=CR_NAMESPACE)

    good = await until_secret(eventings, "Satisfied")
    assert good["status"]["state"] == "Ready"


async def test_a_secret_that_may_not_be_read_is_read_once_that_is_allowed(client, eventings):
    where = {"name": "elsewhere", "namespace": CR_NAMESPACE}
    await client.create(secret(where))
    await client.create(with_secret(where))
    forbidden = await until_secret(eventings, "SecretForbidden")

    for obj in permission(where):
        await client.create(obj)
    await until_secret(eventings, "Satisfied")

    for kind, name in ((SECRET, "elsewhere"), (ROLE, "reader"), (ROLE_BINDING, "reader")):
        await client.delete(kind, name, namespace=CR_NAMESPACE)
    message = condition(forbidden, "Ready")["message"]
    assert forbidden["status"]["state"] == "Warning"
    assert "kubectl -n kcp-system create role" in message
    assert "--resource-name=elsewhere" in message


def permission(where):
    metadata = {"name": "reader", "namespace": where["namespace"]}
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [where["name"]]}
    subject = {"kind": "ServiceAccount", "name": MANAGER_ACCOUNT, "namespace": NAMESPACE}
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [{**rule, "verbs": ["get", "list", "watch"]}],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "reader"},
            "subjects": [subject],
        },
    ]
