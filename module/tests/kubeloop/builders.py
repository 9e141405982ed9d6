"""Objects for tests, with defaults for what a test does not speak of."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kubeloop.errors import KindAbsentError
from kubeloop.kinds import CRD
from kubeloop.resource import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeloop.client import Client
    from kubeloop.resource import Object

# Longer than anything takes on a busy machine: whoever waits so long has failed.
PATIENCE = 60


def config_map(name: str, namespace: str, *, labels: dict[str, str] | None = None, **data: str) -> Object:
    metadata: Object = {"name": name, "namespace": namespace}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(name: str, namespace: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}


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
