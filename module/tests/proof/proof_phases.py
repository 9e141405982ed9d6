"""The life of an Eventing in four phases, each an act of the user's and the state that it has to end in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from proof_objects import CR_NAMESPACE, EVENTING, NAME, eventing

from kyma_harness.wait.claims import is_gone
from kyma_harness.wait.waits import Claim, Target, wait_for

TARGET = Target(kind=EVENTING, name=NAME, namespace=CR_NAMESPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What the user does, and what has to come of it."""

    name: str
    act: Callable[[Any], Awaitable[Any]]
    claim: Claim

    async def settled(self, client, within=180):
        """Wait until the claim holds."""
        return await wait_for(client, TARGET, self.claim, what=f"end the phase '{self.name}'", within=within)


def ready_with(backend):
    """Claim that the present generation is Ready with a backend."""

    def claim(seen):
        if seen is None:
            return "it does not exist"
        status = seen.get("status", {})
        found = (status.get("state"), status.get("activeBackend"), status.get("observedGeneration"))
        wanted = ("Ready", backend, seen["metadata"]["generation"])
        return "" if found == wanted else f"it is {found}, not {wanted}"

    return claim


async def create(client):
    await client.create(eventing())


async def delete(client):
    await client.delete(EVENTING, NAME, namespace=CR_NAMESPACE)


def switch_to(backend):
    async def act(client):
        patch = {"spec": {"backend": {"type": backend}}}
        await client.merge_patch(EVENTING, NAME, patch, namespace=CR_NAMESPACE)

    return act


PROVISION = Phase(name="provision", act=create, claim=ready_with("nats"))
SWITCH = Phase(name="switch", act=switch_to("eventmesh"), claim=ready_with("eventmesh"))
SWITCH_BACK = Phase(name="switch back", act=switch_to("nats"), claim=ready_with("nats"))
REMOVAL = Phase(name="removal", act=delete, claim=is_gone())

PHASES = (PROVISION, SWITCH, SWITCH_BACK, REMOVAL)
