"""Objects for tests, with defaults for what a test does not speak of."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kubeloop.applyset import ApplySet
from kubeloop.errors import KindAbsentError
from kubeloop.kinds import CRD, ROLE, ROLE_BINDING
from kubeloop.resource import Kind, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kubeloop.client import Client
    from kubeloop.resource import Object

# Longer than anything takes on a busy machine: whoever waits so long has failed.
PATIENCE = 60

TOOLING = "tests/1.0.0"


def config_map(name: str, namespace: str, *, labels: dict[str, str] | None = None, **data: str) -> Object:
    metadata: Object = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(name: str, namespace: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}


def stateful_set(name: str, namespace: str) -> Object:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nobody/runs:it"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"serviceName": name, "selector": {"matchLabels": labels}, "template": pod},
    }


def service_account(name: str, namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }


def rule(resource: str, *verbs: str, group: str = "", names: Sequence[str] = ()) -> Object:
    """Return a rule of RBAC for one resource, or for some objects of it."""
    limits = {"resourceNames": list(names)} if names else {}
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **limits}


def role(name: str, namespace: str, rules: Sequence[Object]) -> Object:
    return {
        "apiVersion": ROLE.api_version,
        "kind": ROLE.kind,
        "metadata": {"name": name, "namespace": namespace},
        "rules": list(rules),
    }


def role_binding(name: str, namespace: str, subject_namespace: str) -> Object:
    """Return what gives a role to the service account of the same name."""
    return {
        "apiVersion": ROLE_BINDING.api_version,
        "kind": ROLE_BINDING.kind,
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": ROLE.group, "kind": ROLE.kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": subject_namespace}],
    }


async def rights_are_known(client: Client, namespace: str, rules: Sequence[Object]) -> None:
    """Wait until the API server grants what was given to whom a client authenticates as."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    wanted = {resource for rule in rules for resource in rule["resources"]}
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await client.create({**review, "metadata": {}})
            known = {name for rule in answer["status"]["resourceRules"] for name in rule["resources"]}
            if wanted <= known:
                return


def a_new_kind() -> Kind:
    """Return a kind of a group that no other test has heard of."""
    return Kind.parse(f"g{uuid.uuid4().hex[:8]}.example.com/v1", "Lamp")


def custom_object(kind: Kind, name: str, namespace: str, **spec: Any) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


def definition_of(kind: Kind) -> Object:
    """Return a CustomResourceDefinition that allows any spec and has a status subresource."""
    singular = kind.kind.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"plural": f"{singular}s", "singular": singular, "kind": kind.kind},
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                    },
                }
            ],
        },
    }


async def define(client: Client, kind: Kind) -> None:
    """Have a kind served."""
    await client.create(definition_of(kind))
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(KindAbsentError):
                await client.list(kind)
                return


async def undefine(client: Client, kind: Kind) -> None:
    """Have a kind go, and all objects of it."""
    await client.delete(CRD, f"{kind.kind.lower()}s.{kind.group}")


async def eventually(claim: Callable[[], object]) -> None:
    """Wait until a claim about something that changes in the background holds."""
    async with asyncio.timeout(PATIENCE):
        while not claim():  # noqa: ASYNC110 - a claim is any expression
            await asyncio.sleep(0.02)


def a_set(client: Client, parent: Object, **settings: Any) -> ApplySet:
    # Nothing here collects garbage, so that nothing would ever end a foreground deletion.
    return ApplySet(client, parent, **({"tooling": TOOLING, "propagation": "Background"} | settings))


async def reread(client: Client, obj: Object) -> Object:
    metadata = obj["metadata"]
    return await client.get(Kind.of(obj), metadata["name"], metadata.get("namespace"))


def described(objects: list[Object]) -> set[str]:
    return {describe(obj) for obj in objects}
