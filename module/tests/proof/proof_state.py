"""What a cluster holds, in a form that two runs can be compared by."""

import asyncio
import copy
import difflib

import yaml
from proof_objects import CR_NAMESPACE, EVENTING, NAMESPACE

from kubeloop.kinds import (
    CONFIG_MAP,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    PV,
    PVC,
    SERVICE,
    STATEFUL_SET,
)
from kyma_harness.kube.inventory import take_inventory

INSTALLED = (
    CONFIG_MAP,
    NETWORK_POLICY,
    PVC,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    STATEFUL_SET,
)
OF_NATS = "app.kubernetes.io/name=nats"
PATIENCE = 120.0
"""Seconds for what others still do when the manager is done: a volume, for one, goes after its claim."""

_BY_CHANCE = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "managedFields", "generation"}
)
_GIVEN_BY_THE_CLUSTER = frozenset({"clusterIP", "clusterIPs", "volumeName"})
_NAMED_BY_CHANCE = frozenset({"PersistentVolume", "IPAddress.networking.k8s.io"})
_PAUSE = 0.1
_BETWEEN_LOOKS = 2.0


async def state_of(client):
    """Return every object of the manager as text, and the names of all objects of the cluster."""
    found = [*(await client.list(EVENTING, namespace=CR_NAMESPACE)).items]
    for kind in INSTALLED:
        found += (await client.list(kind, namespace=NAMESPACE, label_selector=OF_NATS)).items
    names = sorted(await names_of_all(client))
    return yaml.safe_dump({"objects": [comparable(obj) for obj in found], "inventory": names})


async def names_of_all(client):
    """Return the names of all objects of the cluster, without those given by chance."""
    inventory = await take_inventory(client)
    return {_name(entry) for entry in inventory.entries}


async def resting_state_of(client):
    """Return the state as soon as two looks at it are the same."""
    async with asyncio.timeout(PATIENCE):
        before, found = None, await state_of(client)
        while before != found:
            await asyncio.sleep(_BETWEEN_LOOKS)
            before, found = found, await state_of(client)
    return found


async def until_no_volume(client):
    """Wait until every volume has gone after its claim."""
    async with asyncio.timeout(PATIENCE):
        while (await client.list(PV)).items:  # noqa: ASYNC110 - they are few and soon gone
            await asyncio.sleep(_PAUSE)


async def until_state_is(client, expected):
    """Wait until the state is what is expected; fail with the difference if it does not become so."""
    try:
        async with asyncio.timeout(PATIENCE):
            while (found := await state_of(client)) != expected:  # noqa: ASYNC110 - there is no watch of all
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        raise AssertionError(
            f"the state differs from the undisturbed run's:\n{_difference(expected, found)}"
        ) from None


def comparable(obj):
    """Return an object without what differs from run to run."""
    obj = copy.deepcopy(obj)
    obj["metadata"] = {name: value for name, value in obj["metadata"].items() if name not in _BY_CHANCE}
    annotations = obj["metadata"].get("annotations", {})
    obj["metadata"]["annotations"] = {
        name: value
        for name, value in annotations.items()
        if name.startswith(("eventing-manager.", "applyset."))
    }
    obj["spec"] = {
        name: value for name, value in obj.get("spec", {}).items() if name not in _GIVEN_BY_THE_CLUSTER
    }
    template = obj["spec"].get("template", {}).get("metadata", {})
    # Of the password of NATS, which is generated.
    template.get("annotations", {}).pop("checksum/auth", None)
    status = obj.pop("status", {})
    if obj["kind"] == EVENTING.kind:
        obj["status"] = _comparable_status(status)
    return obj


def _comparable_status(status):
    conditions = [
        {
            name: value
            for name, value in condition.items()
            if name not in {"lastTransitionTime", "observedGeneration"}
        }
        for condition in status.get("conditions", [])
    ]
    return {
        "state": status.get("state"),
        "activeBackend": status.get("activeBackend"),
        "conditions": conditions,
    }


def _name(entry):
    return str(entry._replace(name="by chance") if entry.kind in _NAMED_BY_CHANCE else entry)


def _difference(expected, found):
    return "\n".join(
        difflib.unified_diff(expected.splitlines(), found.splitlines(), "undisturbed", "found", n=3)
    )
